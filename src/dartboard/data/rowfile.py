"""Images that stay on disk: a `.npy` file, written and read a few images at a time by any number of threads."""

import io
import math
import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.errors import DataError

__all__ = ["ADVICE", "SUPPORTED", "ArrayShape", "RowFile", "array_bytes", "size_text"]

ADVICE = (
    "make room there, name another folder with DARTBOARD_CACHE (TMPDIR without data.cache), choose a smaller "
    "data.image_size, or let more stay in memory with data.memory_mib"
)
"""What the user can do where there is too little room."""

SUPPORTED = hasattr(os, "preadv")
"""Whether the system can read and write at any place of a file without a position that threads would share."""

ArrayShape = tuple[int, int, int, int]
"""(images, height, width, channels)"""

_BYTES_PER_MOVE = 8 * 2**20


class RowFile:
    """Images in a `.npy` file, which is closed when nobody refers to it any more.

    They are read and written by calls on the file rather than through a mapping. A page of a mapping that was touched
    counts as memory of the process until the system takes it back, and a disk that fails or fills up under a mapping
    kills the process instead of raising an error.

    Args:
        descriptor: descriptor of the open file, which this object takes over.
        offset: bytes before the first image.
        shape: (images, height, width, channels).
        place: the folder that messages name.
    """

    def __init__(self, descriptor: int, offset: int, shape: ArrayShape, place: Path) -> None:
        self.shape, self.place = shape, place
        self._descriptor, self._offset = descriptor, offset
        self._row_bytes = math.prod(shape[1:])
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def create(cls, path: Path, shape: ArrayShape, place: Path) -> "RowFile":
        """A new file of black images, which takes no room yet; raises OSError."""
        return cls._filled(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644), shape, place)

    @classmethod
    def create_nameless(cls, folder: Path, shape: ArrayShape) -> "RowFile":
        """A new file of black images without a name, which goes with the process however that ends; raises OSError."""
        with tempfile.TemporaryFile(dir=folder) as stream:
            return cls._filled(os.dup(stream.fileno()), shape, folder)

    @classmethod
    def open(cls, path: Path) -> "RowFile":
        """Open a file for reading.

        Raises:
            OSError: the file cannot be read.
            ValueError: the file is damaged, or holds something other than images.
        """
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        if mapped.dtype != np.uint8 or mapped.ndim != 4 or not mapped.flags.c_contiguous:
            raise ValueError(f"{path} holds no images")
        return cls(os.open(path, os.O_RDONLY), mapped.offset, mapped.shape, path.parent)

    @classmethod
    def _filled(cls, descriptor: int, shape: ArrayShape, place: Path) -> "RowFile":
        file = cls(descriptor, len(_header(shape)), shape, place)
        file._write_header()
        return file

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def images(self) -> npt.NDArray[np.uint8]:
        """All images as a read-only mapping, (images, height, width, channels), for whoever looks at a few of them."""
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            return np.memmap(stream, dtype=np.uint8, mode="r", offset=self._offset, shape=self.shape)

    def read(self, rows: npt.NDArray[np.int64], out: npt.NDArray[np.uint8]) -> None:
        """Read some images.

        Args:
            rows: which images, shape (chosen,), not negative.
            out: where they are put, shape (chosen, height, width, channels), contiguous.

        Raises:
            DataError: the disk fails, or the file was cut short.
        """
        flat = out.reshape(-1)
        # Neighbours are read by one call.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1).tolist()
        for first, end in pairwise([*starts, len(rows)]):
            self._read(flat[first * self._row_bytes : end * self._row_bytes], int(rows[first]))

    def __setitem__(self, row: int, pixels: npt.NDArray[np.uint8]) -> None:
        """Write one image, or several from `row` on.

        Raises:
            DataError: the disk is full, or fails.
        """
        content = np.ascontiguousarray(pixels).reshape(-1).data
        start, done = self._offset + row * self._row_bytes, 0
        try:
            while done < len(content):
                done += os.pwrite(self._descriptor, content[done:], start + done)
        except OSError as error:
            raise self._write_error(error) from error

    def finish(self, lost: Sequence[int]) -> None:
        """Leave out the images at `lost`, in ascending order; the others close up, and all is on the disk afterwards.

        Raises:
            DataError: the disk fails.
        """
        kept = np.delete(np.arange(len(self)), lost)
        per_move = max(1, _BYTES_PER_MOVE // self._row_bytes)
        # Images only move towards the beginning, so none is overwritten before it was read.
        for start in range(lost[0] if lost else len(kept), len(kept), per_move):
            rows = kept[start : start + per_move]
            buffer = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
            self.read(rows, buffer)
            self[start] = buffer
        self.shape = (len(kept), *self.shape[1:])
        try:
            self._write_header()
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._write_error(error) from error

    def _read(self, into: npt.NDArray[np.uint8], row: int) -> None:
        start, done = self._offset + row * self._row_bytes, 0
        while done < len(into):
            try:
                count = os.preadv(self._descriptor, [into[done:].data], start + done)
            except OSError as error:
                raise DataError(f"decoded images in {self.place} cannot be read: {error.strerror or error}.") from error
            if not count:
                raise DataError(f"a file of decoded images in {self.place} was cut short while in use; start again.")
            done += count

    def _write_header(self) -> None:
        # NumPy pads the header so that it keeps its length while the number of images changes.
        os.pwrite(self._descriptor, _header(self.shape), 0)
        os.truncate(self._descriptor, self._offset + array_bytes(self.shape))

    def _write_error(self, error: OSError) -> DataError:
        return DataError(
            f"the decoded images take {size_text(array_bytes(self.shape))}, and cannot be written to {self.place}: "
            f"{error.strerror or error}; {ADVICE}."
        )


def array_bytes(shape: ArrayShape) -> int:
    """Bytes that images of that shape take."""
    return math.prod(shape)


def size_text(num_bytes: int, rounded: Callable[[float], int] = math.ceil) -> str:
    """A size in words; what is needed is rounded up, and what there is, with `math.floor`, down.

    >>> size_text(2**20 + 1), size_text(2**20 + 1, math.floor), size_text(5 * 2**30)
    ('2 MiB', '1 MiB', '5.0 GiB')
    """
    if num_bytes < 2**30:
        return f"{rounded(num_bytes / 2**20)} MiB"
    return f"{rounded(10 * num_bytes / 2**30) / 10:.1f} GiB"


def _header(shape: ArrayShape) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue()
