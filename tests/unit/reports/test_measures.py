from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from dartboard.records import RunRecords
from dartboard.reports.measures import (
    calibration_error,
    confused_pairs,
    wilson_interval,
)
from dartboard.reports.sections.confusion import ConfusionSection


def test_wilson_interval_solves_its_defining_equation():
    # Its ends are the proportions p whose z-score against the observed fraction is 1.96.
    low, high = wilson_interval(0.9, 200)
    for end in (low, high):
        assert abs(0.9 - end) / (end * (1 - end) / 200) ** 0.5 == pytest.approx(1.959963984540054, rel=1e-9)
    assert low < 0.9 < high


def test_wilson_interval_of_a_perfect_score_stays_in_range_and_is_not_empty():
    low, high = wilson_interval(1.0, 10)
    assert high == pytest.approx(1.0)
    assert low == pytest.approx(10 / (10 + 1.959963984540054**2))


def test_confused_pairs_come_by_count_then_by_share_of_the_class():
    pairs = confused_pairs(np.array([[90, 4, 6], [4, 4, 0], [0, 0, 9]]))
    assert [(pair.true, pair.predicted, pair.count) for pair in pairs] == [(0, 2, 6), (1, 0, 4), (0, 1, 4)]
    assert pairs[1].fraction == 0.5


def test_calibration_error_is_zero_when_confidence_equals_accuracy_and_the_gap_otherwise():
    right = np.array([True, True, True, False])
    assert calibration_error(np.full(4, 0.75), right) == pytest.approx(0.0)
    assert calibration_error(np.full(4, 1.0), right) == pytest.approx(0.25)


def test_classes_are_counted_from_the_predictions_where_no_matrix_is_recorded() -> None:
    scores = SimpleNamespace(confusion=(), recall=(1.0, 0.0, 0.0))
    made = {"labels": np.array([0, 0, 1]), "predicted": np.array([0, 0, 2])}
    run = cast("RunRecords", SimpleNamespace(scores=scores, predictions=made, dataset=None))
    told = ConfusionSection().read(run)
    assert told is not None
    assert (told.counts, [each.images for each in told.classes]) == ((), [2, 1, 0])
    assert [(pair.true, pair.predicted) for pair in told.pairs] == [(1, 2)]
    assert ConfusionSection().html(told).count("<svg") == 0
    missing = cast("RunRecords", SimpleNamespace(scores=scores, predictions=None, dataset=None))
    assert ConfusionSection().read(missing) is None
