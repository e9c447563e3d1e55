"""The sentences that a report begins with."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dartboard.records import Beginning, Result, RunDataset, RunRecords
from dartboard.reports.sections.next_steps import NextStepsSection
from dartboard.reports.sections.summary import SummarySection
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun, told


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
    assert "; of 3 proposed architectures, the best after a short training was chosen; the result" in sentences


@pytest.mark.parametrize(
    ("missing", "lacks"),
    [
        ((), "the test is missing"),
        (("scores.json", "model.json"), "the training and the test are missing"),
        (("scores.json", "model.json", "genotype.json"), "the search, the training and the test are missing"),
    ],
)
def test_a_run_that_was_interrupted_names_its_data_and_device_what_it_lacks_and_how_it_goes_on(
    finished_run: Path, missing: Sequence[str], lacks: str
) -> None:
    result = Result.read(finished_run)
    RunDataset(dataset=result.dataset, contents={}, decoder="").write(finished_run)
    Beginning(device="cuda:1 (H200)", steps=("search", "train"), command="dartboard run flowers/").write(finished_run)
    (finished_run / "model.json").write_text("{}")
    for name in ("result.json", "scores.json", *missing):
        (finished_run / name).unlink(missing_ok=True)
    run = RunRecords(finished_run)
    facts = SummarySection().read(run)
    assert facts.title.startswith(f"{result.dataset.name}: ")
    assert facts.device == "cuda:1 (H200)"
    assert "700 training" in facts.sentences
    assert facts.sentences.endswith(
        f"This run on cuda:1 (H200) has not ended: {lacks}. It goes on with: dartboard run flowers/ --out "
        f"{finished_run} --resume"
    )


def test_a_run_that_was_interrupted_is_to_be_gone_on_with_next(finished_run: Path) -> None:
    Beginning(device="cpu", steps=("train",), command="dartboard run flowers/").write(finished_run)
    (finished_run / "result.json").unlink()
    (step,) = NextStepsSection().read(RunRecords(finished_run)).steps
    assert step.command == f"dartboard run flowers/ --out {finished_run} --resume"
