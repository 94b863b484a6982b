"""What lies around the code: types, help, the example."""

import ast
import importlib.util
import inspect
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import SOURCES, from_build, photo, ppm

import attend
from attend import _native

PACKAGE = pathlib.Path(attend.__file__).parent


def test_the_version_is_the_librarys():
    (version,) = re.findall(r"project\(attend VERSION ([0-9.]+)", (SOURCES / "CMakeLists.txt").read_text())
    assert attend.__version__ == version


def test_stubs_name_what_the_module_has():
    stub = ast.parse((PACKAGE / "_native.pyi").read_text())
    declared = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert declared.keys() | {"Memory"} == {name for name in vars(_native) if not name.startswith("_")}
    for name, node in declared.items():
        if not isinstance(node, ast.ClassDef) or name in ("Error", "InputError"):
            continue
        members = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
        members |= {member.target.id for member in node.body if isinstance(member, ast.AnnAssign)}
        there = {member for member in vars(getattr(_native, name)) if not member.startswith("_")}
        assert {member for member in members if not member.startswith("_")} == there, name
    assert (PACKAGE / "py.typed").exists()


def test_options_have_types_and_are_explained():
    from attend import _options

    for typed, native, explained in (
        (_options.Options, _native.Options, attend.Captioner.__init__.__doc__),
        (_options.DrawOptions, _native.Style, attend.Seen.overlay.__doc__),
    ):
        names = {name for name, member in vars(native).items() if isinstance(member, property)}
        assert set(typed.__annotations__) == names
        assert all(re.search(rf"\b{name}\b", explained) for name in names)


def test_everything_public_has_help():
    for name in attend.__all__:
        thing = getattr(attend, name)
        assert inspect.getdoc(thing), name
        for member, value in vars(thing).items() if inspect.isclass(thing) else ():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{member}"


def test_types_hold(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("no mypy")
    use = tmp_path / "use.py"
    use.write_text(
        "import attend\n"
        "captioner = attend.Captioner('m', beam_width=3)\n"
        "for seen in captioner.caption(['a.jpg', b'bytes'], n_best=2):\n"
        "    text: str = seen.caption if seen.error is None else seen.error\n"
        "    seen.overlay(0, style='heat')\n"
        "captioner.caption(['a.jpg'], beam_width='wide')  # wrong\n"
        "captioner.caption(['a.jpg'], beam=3)  # wrong\n"
        "seen.overlay(0, style='fog')  # wrong\n"
        "captioner.caption([3])  # wrong\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", use],
        env={} if PACKAGE.parent.name == "site-packages" else {"MYPYPATH": str(PACKAGE.parent)}, capture_output=True, text=True,
    )  # fmt: skip
    assert {int(line) for line in re.findall(r"use\.py:(\d+): error", checked.stdout)} == {6, 7, 8, 9}, checked.stdout
    assert len(re.findall("error:", checked.stdout)) == 4, checked.stdout


def test_the_example(tiny_model, tmp_path):
    example = SOURCES / "examples/caption.py"
    assert len(example.read_text().splitlines()) <= 60
    picture = tmp_path / "photo.ppm"
    picture.write_bytes(ppm(photo(1)))

    def run(*arguments):
        command = [sys.executable, example, "--model", tiny_model, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    done = run("--overlays", "pages", picture)
    assert (done.returncode, done.stderr) == (0, "")
    first, *words = done.stdout.splitlines()
    assert first.startswith(f"{picture}: ")
    assert [line.split()[0] for line in words] == attend.Captioner(tiny_model)(picture).words
    assert [page.name for page in (tmp_path / "pages").iterdir()] == ["1-photo.png"]
    refused = run("missing.jpg", picture)
    assert refused.returncode == 1
    assert refused.stderr.startswith("missing.jpg")
    assert len(refused.stdout.splitlines()) == len(words) + 1


def test_the_package_may_lie_anywhere(tmp_path):
    package = tmp_path / "some place" / "attend"
    install = ["cmake", "--install", from_build("ATTEND_BUILD"), "--component", "python", "--prefix", tmp_path / "attend"]
    subprocess.run(install, check=True, capture_output=True)
    package.parent.mkdir()
    (tmp_path / "attend").rename(package)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATTEND_")}
    done = subprocess.run(
        [sys.executable, SOURCES / "examples/caption.py", SOURCES / "data/samples/chelsea.jpg"],
        env={**environment, "PYTHONPATH": str(package.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ": a cat" in done.stdout
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists():  # the library is the one that was installed, not the one of the build folder
        told = subprocess.run(
            [sys.executable, "-c", "import attend; print(open('/proc/self/maps').read())"],
            env={**environment, "PYTHONPATH": str(package.parent)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        libraries = {line.split(maxsplit=5)[5] for line in told.splitlines() if "libattend" in line}
        assert libraries
        assert all(library.startswith(str(package)) for library in libraries)
