"""scikit-learn's own checks of estimators.

They hand over rows of one to twenty numbers of any size, which are no images: the classifier as it is says so by its
tags, and no check applies. So they run over a subclass that lays any row out as an image, and is the classifier in all
the rest.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from dartboard import ArchitectureSearchClassifier
from dartboard.workflow import child

QUICK = {"preset": "smoke", "search.epochs": 1, "search.steps_per_epoch": 1, "train.epochs": 1}


Array = npt.NDArray[Any]


class RowsAsImages(ArchitectureSearchClassifier):
    """Makes gray values of any numbers and repeats those of a row until an image of 8x8 pixels is full."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.classifier_tags.poor_score = True  # an epoch of training is too little to be good
        return tags

    def _images(self, values: Array) -> Array:
        if values.ndim != 2:
            return super()._images(values)
        gray = 0.5 + np.arctan(values.astype(np.float64)) / np.pi
        return gray[:, np.arange(64) % gray.shape[1]].reshape(-1, 8, 8)


@pytest.fixture(autouse=True)
def _without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check looks at it, and drawing it takes longer than the tiny training."""
    monkeypatch.setattr(child, "write_report", lambda _: None)


@parametrize_with_checks(
    [RowsAsImages(space="nas-bench-201", method="random", budget=None, settings=QUICK, device="cpu")]
)
def test_scikit_learn_finds_an_estimator(estimator: RowsAsImages, check: Callable[[RowsAsImages], None]) -> None:
    check(estimator)


def test_rows_are_taken_only_when_their_shape_is_known() -> None:
    for image_shape, rows in ((None, False), ((8, 8), True)):
        tags = get_tags(ArchitectureSearchClassifier(image_shape=image_shape)).input_tags
        assert (tags.two_d_array, tags.three_d_array) == (rows, True)
