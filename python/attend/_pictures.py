"""What may be a picture: a path, the bytes of a file, an array of pixels, an image of Pillow's."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Union

import numpy as np

from ._native import Picture

if TYPE_CHECKING:
    import PIL.Image

    Item = Union[str, os.PathLike[str], bytes, bytearray, memoryview, np.ndarray, PIL.Image.Image]


def is_pillow(item: object) -> bool:
    pillow = sys.modules.get("PIL.Image")  # an image of Pillow's is nobody's who hasn't imported it
    return pillow is not None and isinstance(item, pillow.Image)


def is_picture(item: object) -> bool:
    """Whether `item` is one picture and no collection of them."""
    return (
        isinstance(item, (str, os.PathLike, bytes, bytearray, memoryview))
        or is_pillow(item)
        or (hasattr(item, "__array__") and np.asarray(item).ndim < 4)
    )


def as_picture(item: Item, name: str) -> Picture:
    """`name` is that of bytes and pixels in messages; a file's is its path. TypeError for what can't be a picture."""
    if isinstance(item, (str, os.PathLike)):
        return Picture.file(os.fsencode(item))
    if isinstance(item, (bytes, bytearray, memoryview)):
        return Picture.encoded(memoryview(item).cast("B"), name)
    if is_pillow(item):
        return _of_pillow(item, name)  # type: ignore[arg-type]
    if hasattr(item, "__array__"):
        return _of_array(np.asarray(item), name)
    raise TypeError(f"{name}: {type(item).__name__} is no picture: give a path, bytes, a numpy array or an image of Pillow's")


def _of_array(pixels: np.ndarray, name: str) -> Picture:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise TypeError(
            f"{name}: an array of pixels is uint8 [height, width, 3], RGB; this one is {pixels.dtype} {list(pixels.shape)}"
        )
    if pixels.strides[1:] != (3, 1) or pixels.strides[0] < 3 * pixels.shape[1]:
        pixels = np.ascontiguousarray(pixels)
    return Picture.rgb(pixels, name)


def _of_pillow(image: PIL.Image.Image, name: str) -> Picture:
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB" and "icc_profile" not in image.info:
        return _of_array(np.asarray(image), name)
    if image.mode == "I" and 0 <= image.getextrema()[0] and image.getextrema()[1] <= 65535:
        image = image.convert("I;16")  # what Pillow before 10.3 makes of a file of 16 bits
    # Transparency, depth and colours are for attend's own reader to judge, as if this were a file.
    file = io.BytesIO()
    image.save(file, "TIFF", icc_profile=image.info.get("icc_profile"))
    return Picture.encoded(file.getbuffer(), name)
