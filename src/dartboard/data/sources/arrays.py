"""Datasets that are arrays of pixels: NumPy arrays handed over in Python, `.npz` files, IDX files and the digits.

IDX is the format in which MNIST and Fashion-MNIST are shipped: `train-images-idx3-ubyte` and its three siblings, or
their .gz. The embedded digits are 1797 handwritten ones of 8x8 gray pixels that come with scikit-learn.
"""

import gzip
import hashlib
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.array_labels import label_texts
from dartboard.data.sources.index import EncodedSplit, SourceIndex, SplitName
from dartboard.data.sources.labelled_rows import ListedSplit, build_index
from dartboard.data.sources.names import file_text
from dartboard.errors import DataError, suggest

__all__ = ["ArrayData", "find_idx", "has_channels_first", "index_arrays", "index_digits", "read_idx", "read_npz"]

_PAIRS: tuple[tuple[SplitName, str, str], ...] = (
    ("train", "images", "labels"),
    ("train", "x_train", "y_train"),
    ("train", "train_images", "train_labels"),
    ("validation", "x_val", "y_val"),
    ("validation", "val_images", "val_labels"),
    ("test", "x_test", "y_test"),
    ("test", "test_images", "test_labels"),
)
_KEYS = tuple(key for _, images, labels in _PAIRS for key in (images, labels))
_IDX_NAME = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_UNSIGNED_BYTES = 0x08
_USUAL_CHANNELS = (1, 3)


@dataclass(frozen=True, eq=False)
class ArrayData:
    """A dataset as arrays.

    Args:
        arrays: "images" and "labels", or "x_train", "y_train", "x_test" and "y_test" (and "x_val", "y_val"). Images are
            numbers, (images, height, width) or (images, height, width, channels), channels first as well; those that
            are not uint8 are scaled by the range that the training images use. Labels are integers or strings, shape
            (images,), and may be left out.
        name: short name.
    """

    arrays: Mapping[str, npt.NDArray[Any]]
    name: str = "arrays"

    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any value."""
        digest = hashlib.blake2b(digest_size=8)
        for key in sorted(self.arrays):
            values = np.ascontiguousarray(self.arrays[key])
            digest.update(f"{key}{values.dtype}{values.shape}".encode())
            digest.update(values.tobytes())
        return digest.hexdigest()


def read_npz(path: Path) -> ArrayData:
    """The arrays of a `.npz` file; no pickled objects are loaded.

    Raises:
        DataError: it is damaged, or holds objects.
        OSError: it cannot be opened.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return ArrayData(dict(archive), file_text(path.stem))
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        # NumPy takes whatever it does not know for Python objects, and tells how to run the program in them.
        reason = "it holds Python objects, or is no file of NumPy" if "allow_pickle" in str(error) else error
        raise DataError(f"{path.name} cannot be read ({reason}); save plain arrays with numpy.savez.") from error


def find_idx(folder: Path) -> dict[str, Path]:
    """The IDX files of a folder by what they hold: x_train, y_train, x_test, y_test."""
    found = {}
    for path in sorted(folder.iterdir()):
        match = _IDX_NAME.fullmatch(path.name)
        if match:
            kind = "x" if match[2] == "images" else "y"
            found[f"{kind}_{'train' if match[1] == 'train' else 'test'}"] = path
    return found


def read_idx(folder: Path, files: dict[str, Path]) -> ArrayData:
    """The arrays of a folder of IDX files.

    Raises:
        DataError: a file is damaged.
        OSError: a file cannot be read.
    """
    return ArrayData(
        {key: _read_idx_file(path) for key, path in files.items()}, file_text(folder.resolve().name) or "dataset"
    )


def index_arrays(data: ArrayData) -> SourceIndex:
    """List arrays.

    Raises:
        DataError: a name is unknown, or an array has another shape or type than `ArrayData` says.
    """
    for key in data.arrays:
        if key not in _KEYS:
            raise DataError(
                f"{data.name} has an array '{key}'; rename it or leave it out ({suggest(key, _KEYS).rstrip('.')})."
            )
    listed = {split: _listed(data, images, labels) for split, images, labels in _PAIRS if images in data.arrays}
    if not listed:
        raise DataError(f"{data.name} holds no images; name the arrays images and labels, or x_train, y_train.")
    return build_index(data.name, listed, cacheable=False)


def index_digits() -> SourceIndex:
    """The UCI handwritten digits of `sklearn.datasets.load_digits`, pixels scaled from 0..16 to 0..255; one split.

    Paper: Alpaydin and Kaynak 1998, UCI Machine Learning Repository, "Optical Recognition of Handwritten Digits".
    """
    # Imported here because scikit-learn takes over a second to import and only this source needs it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    # The plain gray map format is a header and the pixels, so the digits take the same path as image files.
    images = [b"P5 8 8 255\n" + image.tobytes() for image in pixels]
    labels = bunch.target.astype(np.int64)
    names = [f"digit {position}" for position in range(len(labels))]
    classes = tuple(str(digit) for digit in range(10))
    return SourceIndex("digits", classes, {"train": EncodedSplit(images, labels, names, "train")}, cacheable=False)


def _read_idx_file(path: Path) -> npt.NDArray[np.uint8]:
    """Two zero bytes, the type, the number of dimensions, each dimension as a big-endian uint32, the values."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
        shape = struct.unpack(f">{dimensions}I", content[4 : 4 + 4 * dimensions])
    except (gzip.BadGzipFile, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path.name} is damaged ({error}); fetch it again.") from error
    values = content[4 + 4 * dimensions :]
    if zeros or kind != _UNSIGNED_BYTES or len(values) != math.prod(shape):
        raise DataError(f"{path.name} is no IDX file of bytes, or cut short; fetch it again.")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _listed(data: ArrayData, images_key: str, labels_key: str) -> ListedSplit:
    pixels = _pixels(np.asarray(data.arrays[images_key]), images_key)
    labels: list[str | None] = [None] * len(pixels)
    if labels_key in data.arrays:
        labels = label_texts(np.asarray(data.arrays[labels_key]), labels_key, len(pixels))

    def place(row: int) -> str:
        return f"{images_key}[{row}]"

    return ListedSplit(pixels, labels, [place(row) for row in range(len(pixels))], images_key, place)


def _pixels(images: npt.NDArray[Any], key: str) -> npt.NDArray[Any]:
    """Images of shape (images, height, width, channels), of any type of numbers."""
    if images.ndim == 1 and images.dtype.kind in "OSU":
        raise DataError(
            f"the array '{key}' holds names rather than pixels; list paths and labels in a CSV file and give that, or "
            "give the pixels."
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and has_channels_first(images.shape[1:]):
        images = np.moveaxis(images, 1, 3)
    if images.ndim != 4 or not images.size:
        raise DataError(
            f"the array '{key}' has shape {images.shape}; images must be (images, height, width) or (images, height, "
            "width, channels)."
        )
    if images.dtype.kind not in "buif":
        raise DataError(f"the array '{key}' holds {images.dtype} that are no pixels; give whole or decimal numbers.")
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        raise DataError(f"the array '{key}' holds values that are not finite (NaN or infinite); fill them in.")
    return images


def has_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the first axis of an image is its channels: gray or colours decide, then a square, else the shorter axis.

    >>> has_channels_first((4, 20, 30)), has_channels_first((9, 9, 200)), has_channels_first((1, 20, 3))
    (True, False, False)

    Args:
        shape: the three axes of one image.
    """
    first, middle, last = shape
    if last in _USUAL_CHANNELS or first in _USUAL_CHANNELS:
        return last not in _USUAL_CHANNELS
    return middle == last if middle in (first, last) else first < last
