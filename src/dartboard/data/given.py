"""A dataset as callers name it: a place, arrays, or nothing for the embedded digits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dartboard.data.sources.arrays import ArrayData
from dartboard.data.sources.hub import HUB_PREFIX
from dartboard.errors import DataError

__all__ = ["Data", "given_arrays", "recorded_source"]

Data = str | Path | Sequence[npt.NDArray[Any]] | Mapping[str, npt.NDArray[Any]]


def given_arrays(data: Data | None) -> ArrayData | None:
    """The dataset if it is given as arrays, else None.

    Raises:
        DataError: a sequence of arrays does not hold exactly two, images and labels.
    """
    if data is None or isinstance(data, str | Path):
        return None
    if isinstance(data, Mapping):
        return ArrayData({str(key): np.asarray(values) for key, values in data.items()})
    if len(data) != 2:
        raise DataError(
            f"a dataset of {len(data)} arrays is not understood; give (images, labels), or a dict with x_train, "
            "y_train, x_test and y_test."
        )
    return ArrayData({"images": np.asarray(data[0]), "labels": np.asarray(data[1])})


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
        return {"source": f"arrays-{arrays.fingerprint()}"}
    if str(data).startswith(HUB_PREFIX):
        return {"source": str(data)}
    try:
        return {"source": str(Path(str(data)).expanduser().resolve())}
    except (OSError, RuntimeError) as error:
        raise DataError(f"there is no dataset at {data}: {error}.") from error
