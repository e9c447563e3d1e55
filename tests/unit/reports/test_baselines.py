"""What stands beside the network found: the verdict, and which of them is recommended."""

import pytest

from dartboard.records import Baseline
from dartboard.reports.sections.baselines import BaselineFacts, BaselinesSection, verdict


def baseline(**changes):
    facts = {
        "what": "a plain ResNet",
        "test_accuracy": 0.9,
        "test_accuracy_std": None,
        "parameters": 10,
        "multiply_adds": 20,
        "difference": 0.02,
        "run_directory": "runs/shapes/baselines/resnet",
        "steps": 100,
        "wanted_steps": 100,
    }
    return Baseline(**(facts | changes))


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.01, 0.03), "is better than a plain ResNet by +2.0"),
        ((-0.01, 0.03), "no significant difference between the network found and a plain ResNet (+2.0"),
        ((-0.03, -0.01), "The better network is kept in baselines/resnet, and dartboard predict can use it too."),
    ],
)
def test_the_verdict_says_where_the_better_network_is(interval, said):
    assert said in verdict("resnet", baseline(interval=interval))


def test_the_verdict_names_balanced_accuracy_where_that_was_compared():
    made = baseline(interval=(0.01, 0.03), objective="balanced-accuracy")
    said = "The network found is better than a plain ResNet by +2.00 points of balanced accuracy."
    assert verdict("resnet", made) == said


@pytest.mark.parametrize(
    ("trained", "interval", "said"),
    [
        (0.95, (0.01, 0.03), "is better than"),
        (0.5, (0.01, 0.03), "that training was too short"),
        (0.5, (-0.01, 0.03), "that training was too short"),
        (0.5, (-0.03, -0.01), "is worse than"),
    ],
)
def test_a_baseline_whose_training_was_cut_short_proves_nothing_unless_it_is_better_even_so(trained, interval, said):
    what = "a plain ResNet, trained for 5 of 10 steps for lack of time,"
    assert said in verdict("resnet", baseline(what=what, interval=interval, steps=round(100 * trained)))


def test_only_what_is_better_beyond_chance_is_recommended_and_of_these_the_best() -> None:
    better = baseline(difference=-0.02, interval=(-0.03, -0.01), run_directory="better")
    best = baseline(difference=-0.03, interval=(-0.04, -0.02), run_directory="best")
    even = baseline(difference=0, interval=(-0.01, 0.01), run_directory="even")
    for baselines, wanted in (({"a": even}, None), ({"a": better, "b": best, "c": even}, "best")):
        assert BaselinesSection().lines(BaselineFacts(0.9, 1, 1, baselines)).get("better network") == wanted
