"""What a report says, read as a reader does: numbers agree with their nouns, and no sentence contradicts itself."""

import html
import re
from pathlib import Path

import pytest

from dartboard.records import RunRecords
from dartboard.reports import write_report
from dartboard.reports.sections.seed_choice import SeedChoiceSection
from dartboard.runs import read_json, write_json
from dartboard.space.genotype import parse_genotype

from .made_up import DARTS_V2, NAS_BENCH_201, FakeRun, leave_baselines

STUMBLES = (
    r"(?<![\d.,\u202f])1 (epoch|seed|image|thread|layer|channel|run|class|step|network|setting|time|method|point)e?s\b",
    r"\b(\w+) \1\b(?! \1)",
    r",\s*[;.,(]",
    r"\(\s*\)",
    r"\d\.\d{7,}",
    r"\bNone\b|\bnan\b",
)
"""What no text may hold: a plural of one, a word twice, a comma before another stop, long fractions, empty figures."""


def text_of(page: Path) -> str:
    """The sentences of a page without its drawings, figures in tables, settings and commands."""
    content = page.read_text(encoding="utf-8")
    for part in (r"<style.*?</style>", r"<svg.*?</svg>", r"<t[dh].*?</t[dh]>", r"<pre>.*?</pre>", r"<dd>.*?</dd>"):
        content = re.sub(part, " . ", content, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", content)).split())


@pytest.mark.parametrize(
    ("epochs", "genotype", "runs"), [(1, NAS_BENCH_201, 1), (1, DARTS_V2, 2), (3, NAS_BENCH_201, 2)]
)
def test_no_sentence_of_a_report_stumbles(run_path: Path, epochs: int, genotype: str, runs: int) -> None:
    run, found = FakeRun(run_path, epochs=epochs, classes=["only", "two"]), parse_genotype(genotype)
    run.search(found)
    run.choose({3: found})
    run.compare_finalists([found, found])
    run.train(runs)
    run.evaluate(runs)
    run.finish(found)
    leave_baselines(run.path)
    told = text_of(write_report(run.path))
    assert [match.group() for stumble in STUMBLES for match in re.finditer(stumble, told)] == []


def test_the_chosen_seed_is_named_among_all_seeds(run_path: Path) -> None:
    run, genotype = FakeRun(run_path), parse_genotype(NAS_BENCH_201)
    run.choose({1: genotype, 0: genotype})
    told = SeedChoiceSection().read(RunRecords(run_path))
    assert told is not None
    assert SeedChoiceSection().lines(told)["chosen"].startswith("seed 1 of the seeds 1 and 0, by best-supernet; all:")


def test_an_unfinished_run_says_what_has_not_ended_yet(run_path: Path) -> None:
    FakeRun(run_path)
    assert "On run, no epoch of a search in the space darts has ended yet." in text_of(write_report(run_path))
    genotype = parse_genotype(NAS_BENCH_201).to_json()
    write_json(run_path / "settings.json", {**read_json(run_path / "settings.json"), "genotype": genotype})
    assert "On run, a given architecture in the space darts was used." in text_of(write_report(run_path))
