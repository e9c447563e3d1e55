import pytest

from dartboard.records import Baseline
from dartboard.reports.sections.baselines import verdict
from dartboard.space.genotype import parse_genotype
from dartboard.wording import compact, duration, percent, thousands

from .made_up import NAS_BENCH_201, FakeRun, told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\u2013"),
        (2.5, "2.5 s"),
        (59.97, "1 min"),
        (150, "2 min 30 s"),
        (3599.8, "1 h 0 min"),
        (7980, "2 h 13 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations_read_in_their_two_largest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\u2013"), (73, "73"), (9876, "9.88 k"), (3349342, "3.35 M"), (528_000_000, "528 M")]
)
def test_large_counts_read_in_three_digits(value, text):
    assert compact(value) == text


def test_accuracies_read_as_percentages_and_counts_with_narrow_spaces():
    assert percent(0.9312) == "93.12%"
    assert thousands(60000) == "60\u202f000"


def test_the_summary_names_data_method_size_accuracy_and_time(finished_run):
    text = told(finished_run).summary.sentences
    for part in ("700 training", "5 classes", "the method darts", "5 epochs", "3.35 M", "95% interval", "7 min 32 s"):
        assert part in text


def test_the_summary_of_a_search_alone_claims_no_accuracy(finished_run):
    for name in ("scores.json", "result.json", "predictions.npz", "examples.npz"):
        (finished_run / name).unlink()
    (finished_run / "events.jsonl").write_text(
        "\n".join(line for line in (finished_run / "events.jsonl").read_text().splitlines() if '"train"' not in line)
    )
    assert "%" not in told(finished_run).summary.sentences


def test_the_summary_says_among_how_many_searches_was_chosen(finished_run):
    genotype = parse_genotype(NAS_BENCH_201)
    FakeRun(finished_run).choose({2: genotype, 20: genotype})
    assert "searched for 5 epochs (chosen among 2 seeds) in the space" in told(finished_run).summary.sentences


def test_the_summary_says_that_a_short_training_chose_among_proposals(finished_run):
    genotype = parse_genotype(NAS_BENCH_201)
    FakeRun(finished_run).compare_finalists([genotype] * 3)
    sentences = told(finished_run).summary.sentences
    assert "; of 3 architectures proposed, the best after a short training was taken; the result" in sentences


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
        ((0.01, 0.03), "is better than a plain ResNet, by +2.0"),
        ((-0.01, 0.03), "shows no difference (+2.0"),
        ((-0.03, -0.01), "that one is kept in baselines/resnet, from where dartboard predict takes it as well"),
    ],
)
def test_the_verdict_says_where_the_better_network_is(interval, said):
    assert said in verdict("resnet", baseline(interval=interval))


def test_the_verdict_names_balanced_accuracy_where_that_was_compared():
    made = baseline(interval=(0.01, 0.03), objective="balanced-accuracy")
    said = "The network found is better than a plain ResNet, by +2.00 points of balanced accuracy."
    assert verdict("resnet", made) == said


@pytest.mark.parametrize(
    ("trained", "interval", "said"),
    [
        (0.95, (0.01, 0.03), "is better than"),
        (0.5, (0.01, 0.03), "nothing follows"),
        (0.5, (-0.01, 0.03), "nothing follows"),
        (0.5, (-0.03, -0.01), "is worse than"),
    ],
)
def test_a_baseline_whose_training_was_cut_short_proves_nothing_unless_it_is_better_even_so(trained, interval, said):
    what = "a plain ResNet, trained for 5 of 10 steps for want of time,"
    assert said in verdict("resnet", baseline(what=what, interval=interval, steps=round(100 * trained)))
