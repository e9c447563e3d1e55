"""Arrays of pixels: `.npz` files, and NumPy arrays handed over in Python."""

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.index import SourceIndex, SplitName
from dartboard.data.sources.listing import ListedSplit, build_index, label_text
from dartboard.errors import DataError, suggest

__all__ = ["ArrayData", "index_arrays", "read_npz"]

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


@dataclass(frozen=True, eq=False)
class ArrayData:
    """A dataset as arrays.

    Args:
        arrays: "images" and "labels", or "x_train", "y_train", "x_test" and "y_test" (and "x_val", "y_val"). Images are
            uint8, (images, height, width) or (images, height, width, channels) with 1 or 3 channels, channels first as
            well, or floats from 0 to 1; labels are integers or strings, shape (images,). Labels may be left out.
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
            return ArrayData(dict(archive), path.stem)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be read ({error}); save plain arrays with numpy.savez.") from error


def index_arrays(data: ArrayData) -> SourceIndex:
    """List arrays.

    Raises:
        DataError: a name is unknown, or an array has another shape or type than `ArrayData` says.
    """
    for key in data.arrays:
        if key not in _KEYS:
            raise DataError(f"{data.name} has an array '{key}'; {suggest(key, _KEYS)}")
    listed = {split: _listed(data, images, labels) for split, images, labels in _PAIRS if images in data.arrays}
    if not listed:
        raise DataError(f"{data.name} holds no images; name the arrays images and labels, or x_train, y_train.")
    return build_index(data.name, listed, cacheable=False)


def _listed(data: ArrayData, images_key: str, labels_key: str) -> ListedSplit:
    pixels = _pixels(np.asarray(data.arrays[images_key]), images_key)
    labels: list[str | None] = [None] * len(pixels)
    if labels_key in data.arrays:
        labels = _texts(np.asarray(data.arrays[labels_key]), labels_key, len(pixels))

    def place(row: int) -> str:
        return f"{images_key}[{row}]"

    return ListedSplit(_Encoded(pixels), labels, [place(row) for row in range(len(pixels))], images_key, place)


def _pixels(images: npt.NDArray[Any], key: str) -> npt.NDArray[np.uint8]:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, 3)
    if images.ndim != 4 or images.shape[3] not in (1, 3) or not images.size:
        raise DataError(
            f"the array '{key}' has shape {images.shape}; images must be (images, height, width) or (images, height, "
            "width, channels) with 1 or 3 channels."
        )
    if images.dtype == np.uint8:
        return images
    kind, largest = images.dtype.kind, 1 if images.dtype.kind == "f" else 255
    if kind not in "iuf" or not ((images >= 0) & (images <= largest)).all():
        raise DataError(
            f"the array '{key}' holds {images.dtype} that are no pixels; give integers from 0 to 255 or floats from 0 "
            "to 1."
        )
    return np.rint(images * 255).astype(np.uint8) if kind == "f" else images.astype(np.uint8)


def _texts(labels: npt.NDArray[Any], key: str, count: int) -> list[str | None]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in "iufbUS":
        raise DataError(
            f"the array '{key}' has shape {labels.shape} and holds {labels.dtype}; it must hold {count} integers or "
            "strings, one for each image."
        )
    return [label_text(value.decode() if isinstance(value, bytes) else value) for value in labels.tolist()]


@dataclass(frozen=True, eq=False)
class _Encoded:
    """The plain gray map and pixel map formats are a header and the pixels, so arrays take the path of image files."""

    pixels: npt.NDArray[np.uint8]

    def __iter__(self) -> Iterator[bytes]:
        _, height, width, channels = self.pixels.shape
        header = f"P{5 if channels == 1 else 6} {width} {height} 255\n".encode()
        for image in self.pixels:
            yield header + image.tobytes()
