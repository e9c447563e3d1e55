"""What the terminal says of a run that has ended."""

from dartboard.cli import output
from dartboard.records import Baseline, Result


def baseline(name: str, accuracy: float, high: float) -> Baseline:
    return Baseline.model_construct(difference=0.6 - accuracy, interval=(-0.1, high), run_directory=name)


def test_only_what_is_better_beyond_chance_is_recommended_and_of_these_the_best() -> None:
    better, best, even = baseline("better", 0.7, -0.01), baseline("best", 0.8, -0.02), baseline("even", 0.9, 0.01)
    for baselines, wanted in (({}, ""), ({"a": even}, ""), ({"a": better, "b": best, "c": even}, "best")):
        assert output._better(Result.model_construct(baselines=baselines)) == wanted
