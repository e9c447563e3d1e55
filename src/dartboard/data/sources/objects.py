"""Images in hand: paths, PIL images and arrays, one or many, as a source whose images are to be predicted."""

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile
from torch import Tensor

from dartboard.data.sources.arrays import ArrayData, index_arrays
from dartboard.data.sources.index import Encoded, EncodedSplit, SourceIndex
from dartboard.errors import DataError

__all__ = ["Images", "index_objects"]

OneImage = str | Path | Image.Image | npt.NDArray[Any] | Tensor

Images = OneImage | Sequence[OneImage]
"""One image or several: the path of an image file, a PIL image, an array; also an array of several images."""

_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_TIFF_MODES = frozenset({"I", "F", "CMYK", "YCbCr"})
"""Modes of PIL images that a file of this format keeps without loss."""


def index_objects(images: Images, channels: int) -> SourceIndex:
    """List images in hand, in their order; they are encoded without loss, so that they take the path of files.

    Args:
        images: one image or several. Arrays are (height, width), (height, width, channels), (images, height, width) or
            (images, height, width, channels), of uint8 or floats from 0 to 1.
        channels: the channels that the network takes.

    Raises:
        DataError: something is no image, an array has another shape, or there are no images.
    """
    one = isinstance(images, str | Path | Image.Image) or hasattr(images, "__array__")
    encoded: list[Encoded] = []
    names: list[str] = []
    for number, image in enumerate([images] if one or not isinstance(images, Iterable) else list(images)):
        found = list(_encoded(image, channels))
        encoded += found
        own = str(image) if isinstance(image, str | Path) else f"image {number}"
        names += [own] if len(found) == 1 else [f"{own}, row {row}" for row in range(len(found))]
    if not encoded:
        raise DataError("there are no images; give a path, a PIL image, an array, or a list of them.")
    return SourceIndex("images", (), {"test": EncodedSplit(encoded, None, names, "images")}, cacheable=False)


def _encoded(image: Any, channels: int) -> Iterator[Encoded]:
    if isinstance(image, str | Path):
        yield Path(image).expanduser()
    elif isinstance(image, Image.Image):
        yield _file_of(image)
    elif hasattr(image, "__array__"):
        yield from _files_of(np.asarray(image.cpu() if isinstance(image, Tensor) else image), channels)
    else:
        raise DataError(
            f"an object of class {type(image).__name__} is no image; give the path of an image file, a PIL image or an "
            "array."
        )


def _files_of(array: npt.NDArray[Any], channels: int) -> Iterable[Encoded]:
    """An array as one image or several. Three axes are one image where the last can be its channels."""
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, channels)):
        array = array[None]
    elif array.ndim == 3 and array.shape[0] == channels > 1:
        raise DataError(
            f"an array of shape {array.shape} can be one image with its channels first or {channels} gray images; put "
            "channels last, or add an axis."
        )
    return index_arrays(ArrayData({"images": array}, "the array")).splits["train"].images


def _file_of(image: Image.Image) -> bytes:
    """The file of an image that was opened and not read yet, or else its pixels without loss, as they lie."""
    if isinstance(image, ImageFile.ImageFile) and image.tile and image.fp is not None and image.tell() == 0:
        place = image.fp.tell()
        image.fp.seek(0)
        content = image.fp.read()
        image.fp.seek(place)
        return bytes(content)
    notes = Image.Exif()
    notes[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    if image.mode not in _PNG_MODES | _TIFF_MODES:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG" if image.mode in _PNG_MODES else "TIFF", exif=notes)
    return buffer.getvalue()
