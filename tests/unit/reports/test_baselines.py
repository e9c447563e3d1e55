"""What stands beside the network found: the verdict, and which of them is recommended."""

import re

import pytest

from dartboard.records import Baseline, Contest, Contestant, GenotypeForms
from dartboard.records.contest import SearchWorth
from dartboard.reports.sections.baselines import BaselineFacts, BaselinesSection
from dartboard.reports.verdict import over_baselines, over_contest
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201


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


EARLIER = "a plain ResNet, trained for 5 of 10 steps for lack of time,"  # as version 0.1.0 wrote it


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.01, 0.03), "The network found is better than a plain ResNet (by 2.00 points)."),
        (
            (-0.01, 0.03),
            "does not tell the network found from a plain ResNet (95% interval of the difference: -1.00 to",
        ),
        ((-0.03, -0.01), "is worse than a plain ResNet (by 2.00 points), kept in baselines/resnet."),
    ],
)
def test_the_verdict_says_how_far_apart_the_networks_are_and_where_the_better_one_is(interval, said):
    assert said in over_baselines({"resnet": baseline(interval=interval)})


@pytest.mark.parametrize(
    ("interval", "worth"),
    [
        ((0.01, 0.03), "The search was worth its time."),
        ((-0.01, 0.03), "The test does not show that the search was worth its time."),
        ((-0.03, -0.01), "The search was not worth its time."),
    ],
)
def test_a_random_architecture_decides_what_the_search_was_worth(interval, worth):
    assert over_baselines({"random": baseline(interval=interval)}).startswith(worth)
    assert "its time" not in over_baselines({"resnet": baseline(interval=interval)})


def test_baselines_with_the_same_outcome_share_a_sentence():
    others = {name: baseline(what=f"network {name}", interval=(0.01, 0.03)) for name in "abc"}
    assert over_baselines(others).count("is better than") == 1
    assert "network a (by 2.00 points), network b (by 2.00 points) and network c" in over_baselines(others)


def test_the_verdict_names_balanced_accuracy_where_that_was_compared():
    made = baseline(interval=(0.01, 0.03), objective="balanced-accuracy")
    said = "The network found is better than a plain ResNet (by 2.00 points of balanced accuracy)."
    assert over_baselines({"resnet": made}) == said


@pytest.mark.parametrize(
    ("trained", "interval", "said"),
    [
        (0.95, (0.01, 0.03), "is better than"),
        (0.5, (0.01, 0.03), "that training was too short"),
        (0.5, (-0.01, 0.03), "that training was too short"),
        (0.5, (-0.03, -0.01), "is worse than"),
    ],
)
@pytest.mark.parametrize("what", [EARLIER, EARLIER.rstrip(",")])
def test_a_baseline_whose_training_was_cut_short_proves_nothing_unless_it_is_better_even_so(
    trained, interval, said, what
):
    cut = {"random": baseline(what=what, interval=interval, steps=round(100 * trained))}
    assert said in over_baselines(cut)
    assert ("was worth its time" in over_baselines(cut)) == (trained > 0.9)
    for text in (over_baselines(cut), *BaselinesSection().lines(BaselineFacts(0.9, 1, 1, cut)).values()):
        assert not re.search(r",[;,.]|, \(|,$", text)


def test_the_verdict_of_a_contest_names_the_winner_and_what_the_search_was_worth():
    for interval, said in (
        ((0.01, 0.03), "better than"),
        ((-0.01, 0.03), "not be told from"),
        ((-0.03, -0.01), "worse"),
    ):
        told = over_contest(contest(worth=SearchWorth(difference=0.02, interval=interval)))
        assert told.startswith(
            "Short trainings chose a plain ResNet over the network found (80.00% in the last round)."
        )
        assert said in told
    assert "first round" not in over_contest(contest(worth=None))
    assert over_contest(contest(rounds=(), worth=None)) == (
        "There was no time to compare networks, so a plain ResNet was trained."
    )


def contest(**changes):
    form = GenotypeForms.of(parse_genotype(NAS_BENCH_201))
    sizes = {"genotype": form, "init_channels": 8, "layers": 1, "steps": 5, "test_seconds": 0.0}
    networks = (
        Contestant(name="found", what="the network found", accuracies=(0.7,), **sizes),
        Contestant(name="resnet", what="a plain ResNet", accuracies=(0.8,), **sizes),
    )
    facts = {"epochs": 9, "rounds": (3,), "seconds": None, "objective": "accuracy", "images": 100, "winner": "resnet"}
    return Contest(contestants=networks, **(facts | changes))


def test_only_what_is_better_beyond_chance_is_recommended_and_of_these_the_best() -> None:
    better = baseline(difference=-0.02, interval=(-0.03, -0.01), run_directory="better")
    best = baseline(difference=-0.03, interval=(-0.04, -0.02), run_directory="best")
    even = baseline(difference=0, interval=(-0.01, 0.01), run_directory="even")
    for baselines, wanted in (({"a": even}, None), ({"a": better, "b": best, "c": even}, "best")):
        assert BaselinesSection().lines(BaselineFacts(0.9, 1, 1, baselines)).get("better network") == wanted
