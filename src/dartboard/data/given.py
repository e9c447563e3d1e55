"""A dataset as callers name it: a place, arrays, or nothing for the embedded digits."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.arrays import ArrayData
from dartboard.data.sources.hub import HUB_PREFIX
from dartboard.errors import DataError
from dartboard.wording import count, listing

__all__ = ["ARRAYS_PREFIX", "Data", "given_arrays", "recorded_source"]

Data = str | Path | Sequence[npt.NDArray[Any]] | Mapping[str, npt.NDArray[Any]]

ARRAYS_PREFIX = "arrays-"
"""Beginning of the setting `source` where the dataset was given as arrays; their fingerprint follows."""

_PAIR = ("images", "labels")


def given_arrays(data: Data | None) -> ArrayData | None:
    """The dataset if it is given as arrays, else None.

    Raises:
        DataError: it is of a class that holds no arrays, a sequence does not hold exactly two, images and labels, or
            images have several sizes.
    """
    if data is None or isinstance(data, str | Path):
        return None
    if isinstance(data, Mapping):
        return ArrayData({str(key): _as_array(values, f"the array '{key}'") for key, values in data.items()})
    if hasattr(data, "columns"):
        raise DataError(
            f"a {type(data).__name__} is no dataset; save it as a CSV file whose paths are relative to that file, and "
            "give the file, or give (images, labels)."
        )
    if not isinstance(data, Collection) or isinstance(data, bytes):
        raise DataError(
            f"an object of class {type(data).__name__} is no dataset; give a path, (images, labels), or a dict with "
            "x_train, y_train, x_test and y_test."
        )
    if len(data) != 2:
        raise DataError(
            f"a dataset of {count(len(data), 'array')} is not understood; give (images, labels), or a dict with "
            "x_train, y_train, x_test and y_test."
        )
    return ArrayData({name: _as_array(values, f"the {name}") for name, values in zip(_PAIR, data, strict=True)})


def recorded_source(data: Data | None) -> dict[str, Any]:
    """The setting `source` that a run records for a dataset; empty if none is given.

    A path is recorded as absolute, so that the run can be resumed from another folder.

    Raises:
        DataError: the path cannot be resolved, or arrays are not two.
    """
    if data is None:
        return {}
    if isinstance(data, str | Path) and str(data) == "digits":
        return {"source": None}
    if arrays := given_arrays(data):
        return {"source": f"{ARRAYS_PREFIX}{arrays.fingerprint()}"}
    if str(data).startswith(HUB_PREFIX):
        return {"source": str(data)}
    try:
        return {"source": str(Path(str(data)).expanduser().resolve())}
    except (OSError, RuntimeError) as error:
        raise DataError(f"there is no dataset at {data}: {error}.") from error


def _as_array(values: Any, what: str) -> npt.NDArray[Any]:
    """Values of any kind as one array; objects that are arrays themselves are stacked."""
    try:
        array = np.asarray(values)
        rows = array.tolist() if array.dtype == object and array.ndim == 1 else []
        array = np.stack(rows) if rows and all(np.ndim(row) for row in rows) else array
    except RuntimeError as error:  # of a tensor that has a gradient
        raise DataError(
            f"{what} cannot be read as one array ({str(error).rstrip('.')}); give a NumPy array."
        ) from error
    except (ValueError, TypeError) as error:
        sizes = list(dict.fromkeys("x".join(map(str, np.shape(value))) for value in values))
        if len(sizes) < 2 or "x" not in sizes[0]:
            raise DataError(f"{what} cannot be read as one array ({error}); give a NumPy array.") from error
        raise DataError(
            f"{what} have several sizes ({listing(sizes[:3])}{' and others' if len(sizes) > 3 else ''}) and make no "
            "array; bring them to one size, or save them as files in one folder per class."
        ) from error
    if not array.ndim:
        raise DataError(
            f"{what} are of class {type(values).__name__}, which is no array; give a NumPy array or a list."
        )
    return array
