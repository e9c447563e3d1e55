"""IDX files, as MNIST and Fashion-MNIST are shipped: `train-images-idx3-ubyte` and its three siblings, or their .gz."""

import gzip
import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.arrays import ArrayData
from dartboard.errors import DataError

__all__ = ["find_idx", "read_idx"]

_NAME = re.compile(r"(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_UNSIGNED_BYTES = 0x08


def find_idx(folder: Path) -> dict[str, Path]:
    """The IDX files of a folder by what they hold: x_train, y_train, x_test, y_test."""
    found = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
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
    return ArrayData({key: _read(path) for key, path in files.items()}, folder.resolve().name or "dataset")


def _read(path: Path) -> npt.NDArray[np.uint8]:
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
