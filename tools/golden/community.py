#!/usr/bin/env python3
"""Writes the small files of other tools that the tests read: tools/golden/community.py

    pip install pandas pyarrow webdataset datasets pillow pillow-heif av

They are committed, in tests/data/golden, tests/vision/data and tests/video/data; versions.txt beside them says what wrote them.
"""

import fractions
import importlib.metadata
import io
import pathlib

import av
import datasets
import numpy
import pandas
import pillow_heif
import webdataset
from PIL import Image

tests = pathlib.Path(__file__).resolve().parents[2] / "tests"


def png(value):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (value, 100, 50)).save(file, "PNG")
    return file.getvalue()


def write_versions(folder, names):
    lines = [f"{name} {importlib.metadata.version(name)}\n" for name in names]
    (folder / "versions.txt").write_text("".join(lines), encoding="utf-8")


def write_data(folder):
    folder.mkdir(exist_ok=True)
    rows = {"file_name": ["1.png", "2.png", "2.png"], "caption": ['A dog, "Rex"', "Ein Hünd – zwei", "a cat\nand more"]}
    table = pandas.DataFrame(rows)
    table.to_csv(folder / "pandas.csv", index=False)
    table.to_csv(folder / "pandas-index.tsv", sep="\t")
    table.to_json(folder / "pandas.jsonl", orient="records", lines=True)
    table.to_parquet(folder / "pandas.parquet")
    grouped = table.groupby("file_name", as_index=False).agg(captions=("caption", list))
    grouped.to_json(folder / "pandas-lists.jsonl", orient="records", lines=True)
    hugging = datasets.Dataset.from_dict(rows)
    hugging.to_csv(folder / "datasets.csv")
    hugging.to_json(folder / "datasets.jsonl")
    with webdataset.TarWriter(str(folder / "webdataset-train-000.tar"), mtime=0) as writer:
        writer.write({"__key__": "0001", "png": png(1), "txt": 'A dog, "Rex"'})
        writer.write({"__key__": "sub/0002", "png": png(2), "json": {"caption": "Ein Hünd – zwei", "id": 7}})
    with webdataset.TarWriter(str(folder / "webdataset.tar.gz"), mtime=0) as writer:
        writer.write({"__key__": "0001", "png": png(1), "txt": "A dog"})
    write_versions(folder, ["pandas", "pyarrow", "datasets", "webdataset"])


def write_pictures(folder):
    folder.mkdir(exist_ok=True)
    pillow_heif.register_heif_opener()
    y, x = numpy.mgrid[0:48, 0:64]
    image = Image.fromarray(numpy.stack([4 * x, 5 * y, 128 + (x + y) // 4], 2).astype(numpy.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "pillow-heif.heic", quality=90)
    image.save(folder / "pillow-heif-exif.heic", quality=90, exif=exif)
    image.save(folder / "pillow.avif", quality=90)
    write_versions(folder, ["pillow", "pillow-heif"])


def write_videos(folder):
    """H.264 with B frames, its frames at uneven times, each a little brighter than the one before."""
    folder.mkdir(exist_ok=True)
    with av.open(str(folder / "uneven.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.time_base = fractions.Fraction(1, 1000)
        for i, time in enumerate((0, 0.1, 0.2, 1.5, 1.6, 3.0, 3.1, 5.0)):
            frame = av.VideoFrame.from_ndarray(numpy.full((96, 160, 3), 20 * i, numpy.uint8), format="rgb24")
            frame.pts, frame.time_base = int(time * 1000), fractions.Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    write_versions(folder, ["av"])


write_data(tests / "data/golden")
write_pictures(tests / "vision/data")
write_videos(tests / "video/data")
