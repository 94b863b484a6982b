"""What the tests share. The build says where things are: ATTEND_PROGRAM, ATTEND_TINY_MODEL (random weights, quick) and
ATTEND_WIDE_MODEL (another of the same vocabulary)."""

import os
import pathlib
import subprocess

import numpy as np
import pytest

import attend

SOURCES = pathlib.Path(__file__).resolve().parents[2]


def from_build(variable):
    if variable not in os.environ:
        pytest.skip(f"{variable} isn't set: run the tests with ctest")
    return os.environ[variable]


@pytest.fixture(scope="session")
def tiny_model():
    return from_build("ATTEND_TINY_MODEL")


@pytest.fixture(scope="session")
def wide_model():
    return from_build("ATTEND_WIDE_MODEL")


@pytest.fixture(scope="session")
def captioner(tiny_model):
    return attend.Captioner(tiny_model, precision="fp32", threads=2)


@pytest.fixture(scope="session")
def samples():
    return sorted(str(path) for path in (SOURCES / "data/samples").glob("*.jpg"))


@pytest.fixture
def program():
    """Runs `attend ARGUMENTS` and hands back what it wrote to standard output."""
    path = from_build("ATTEND_PROGRAM")

    def run(*arguments, text=None):
        return subprocess.run([path, *map(str, arguments)], input=text, check=True, capture_output=True, text=True).stdout

    return run


def photo(seed, width=96, height=64):
    """Pixels [height, width, 3] that are others for each seed."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 127 * np.sin((x * (k + seed % 5) + y * (seed % 3 + 1)) / (9 + k) + seed) for k in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def ppm(pixels):
    """The bytes of a Netpbm file: pixels as they are."""
    height, width, _ = pixels.shape
    return b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()
