"""What the terminal says of a run that has ended."""

from dartboard.cli import output
from dartboard.pipeline import Result, Yardstick


def yardstick(name: str, accuracy: float, high: float) -> Yardstick:
    return Yardstick.model_construct(difference=0.6 - accuracy, interval=(-0.1, high), run_directory=name)


def test_only_what_is_better_beyond_chance_is_recommended_and_of_these_the_best() -> None:
    better, best, even = yardstick("better", 0.7, -0.01), yardstick("best", 0.8, -0.02), yardstick("even", 0.9, 0.01)
    for yardsticks, wanted in (({}, ""), ({"a": even}, ""), ({"a": better, "b": best, "c": even}, "best")):
        assert output._better(Result.model_construct(yardsticks=yardsticks)) == wanted
