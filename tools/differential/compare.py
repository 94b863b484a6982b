"""Compares what attend, Pillow and ImageMagick see in the same files: compare.py FOLDER [--dump PROGRAM].

FOLDER is what variants.py wrote. Prints a line for each file on which the three don't agree, with the decision that
decisions.tsv has for it (a pattern of names, what attend does, why), and counts. Exits 1 where a disagreement has no
decision, or a decision says otherwise.

Agreement: the largest difference of a channel, and the mean one, after transparency was laid over white, CMYK made RGB without
a profile and the picture turned upright.
"""
import argparse
import fnmatch
import io
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
from PIL import Image, ImageCms, ImageOps

try:
    import pillow_heif
    pillow_heif.register_heif_opener()
except ImportError:
    pass

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))


def pillow(path):
    """u8 [H, W, 3], or why not."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            image.load()
    except Exception as error:
        return str(error) or type(error).__name__
    if image.mode.startswith("I;16"):
        grey = (numpy.asarray(image).astype(numpy.float64) / 257).round().astype(numpy.uint8)
        return grey[..., None].repeat(3, 2)
    if image.mode in ("I", "F"):
        return f"mode {image.mode}: no range is given"
    if image.mode == "LAB":
        return "mode LAB"
    if image.mode in ("RGB", "RGBA") and image.info.get("icc_profile"):
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
            image = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"))
        except (OSError, ImageCms.PyCMSError):  # a damaged one changes nothing
            pass
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return numpy.asarray(image.convert("RGB"))


def magick(path):
    done = subprocess.run(["convert", path + "[0]", "-auto-orient", "-background", "white", "-alpha", "remove", "-alpha", "off", "-strip", "-colorspace", "sRGB",
                           "-type", "TrueColor", "-depth", "8", "ppm:-"], capture_output=True)
    if done.returncode != 0 or not done.stdout:
        return (done.stderr.decode(errors="replace").strip().splitlines() or ["no picture"])[0][:120]
    return ppm(done.stdout)


def ppm(data):
    fields, at = [], 0
    while len(fields) < 4:
        end = min(i for i in (data.find(c, at) for c in (b" ", b"\n")) if i >= 0)
        fields.append(data[at:end])
        at = end + 1
    width, height = int(fields[1]), int(fields[2])
    return numpy.frombuffer(data, numpy.uint8, width * height * 3, at).reshape(height, width, 3)


def attend(program, paths):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program, folder], input="\n".join(paths), capture_output=True, text=True)
        lines = done.stdout.splitlines()
        if len(lines) != len(paths) or done.stderr:
            sys.exit(f"{program} stopped at {paths[len(lines)] if len(lines) < len(paths) else 'the end'}: {done.stderr}")
        return [ppm(open(os.path.join(folder, f"{i}.ppm"), "rb").read()) if line == "ok" else line for i, line in enumerate(lines)]


def relation(mine, other, lossy):
    """How attend's picture and another's stand to each other, in a few words; "" where they agree."""
    if isinstance(other, str) and isinstance(mine, str):
        return ""
    if isinstance(other, str):
        return "refuses"
    if isinstance(mine, str):
        return "reads"
    if mine.shape != other.shape:
        return f"{other.shape[1]}x{other.shape[0]}"
    distance = numpy.abs(mine.astype(int) - other)
    most, mean = (40, 2.0) if lossy else (2, 0.6)
    return "" if distance.max() <= most and distance.mean() <= mean else f"differs by {distance.max()}, mean {distance.mean():.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--dump", default="build/release/picture_dump")
    options = parser.parse_args()
    names = sorted(name for name in os.listdir(options.folder) if not name.startswith("."))
    paths = [os.path.join(options.folder, name) for name in names]
    with open(os.path.join(HERE, "decisions.tsv")) as file:
        decisions = [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]
    agreeing = unexplained = 0
    for name, path, mine in zip(names, paths, attend(options.dump, paths)):
        lossy = any(word in name for word in (".jpg", ".mpo", "jpeg", "webp", "ycbcr", "ycc", ".heic", ".avif", ".jxl", "irreversible", "layers"))
        sides = {"Pillow": relation(mine, pillow(path), lossy), "ImageMagick": relation(mine, magick(path), lossy)}
        if not any(sides.values()):
            agreeing += 1
            continue
        does = "refuses: " + mine if isinstance(mine, str) else f"reads {mine.shape[1]}x{mine.shape[0]}"
        said = "; ".join(f"{side} {how}" for side, how in sides.items() if how)
        decision = next((d for d in decisions if fnmatch.fnmatch(name, d[0])), None)
        fits = decision and does.startswith(decision[1])
        unexplained += not fits
        print(f"{'    ' if fits else '!!! '}{name}: attend {does}; {said}" + (f"  [{decision[2]}]" if decision else ""))
    print(f"{len(names)} files: {agreeing} on which all three agree, {len(names) - agreeing - unexplained} decided, {unexplained} not")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
