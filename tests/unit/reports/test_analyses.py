"""The page of an analysis: its facts, its table, its picture."""

import json
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.reports import write_report
from dartboard.reports.charts.strength_chart import draw_strengths
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun, told
from .test_page import outline


def operation(name: str, accuracy: float, gate: float, without: float, *ranks: int) -> dict[str, Any]:
    return {
        "operation": name, "accuracy": accuracy, "accuracy_at_once": 0.3, "epoch": 2, "epochs": 4,
        "settled": name != "none", "gate": gate, "accuracy_without": without,
        "ranks": dict(zip(("discretisation", "gate", "perturbation"), ranks, strict=True)),
    }  # fmt: skip


STRENGTHS = {
    "supernet_accuracy": 0.625,
    "edges": [
        {
            "kind": "cell",
            "source": 0,
            "target": 1,
            "operations": [
                operation("skip_connect", 0.5, 0.625, 0.5, 2, 1, 2),
                operation("nor_conv_3x3", 0.75, 0.25, 0.25, 1, 2, 1),
                operation("none", 0.25, 0.125, 0.625, 3, 3, 3),
            ],
            "preferred": {"discretisation": "nor_conv_3x3", "gate": "skip_connect", "perturbation": "nor_conv_3x3"},
            "agreement": {"gate": {"kendall": 1 / 3, "spearman": 0.5}, "perturbation": {"kendall": 1.0, "spearman": 1}},
        }
    ],
    "agreement": {
        "gate": {"kendall": 1 / 3, "spearman": 0.5, "same": 0, "edges": 1},
        "perturbation": {"kendall": None, "spearman": None, "same": 1, "edges": 1},
    },
    "skips": {"discretisation": 0, "gate": 1, "perturbation": 0, "edges": 1},
}
SHUFFLED = {
    "parts": "edges",
    "before": 0.875,
    "after": 0.5,
    "after_std": 0.125,
    "permutations": [
        {"accuracy": 0.375, "exchanged": ["cell: edges 0-1 and 0-2"]},
        {"accuracy": 0.625, "exchanged": ["cell: edges 0-1 and 2-3"]},
    ],
}


def analysed(path: Path, name: str, findings: dict[str, Any]) -> str:
    run = FakeRun(path)
    run.directory.write("genotype.json", parse_genotype(NAS_BENCH_201).to_json())
    run.directory.write("analysis.json", {"name": name, "run": "runs/flowers", "findings": findings})
    page = write_report(path).read_text()
    assert outline(page).open == []
    assert "was recorded" not in page
    assert "Candidates" not in page
    return page


def test_the_page_tells_how_strong_operations_are(run_path: Path) -> None:
    page = analysed(run_path, "discretisation", STRENGTHS)
    for text in ("62.50%", "<b>75.00%</b>", "0 of 1", "1 of 1", "0 / 1 / 0", "0 → 1", "Accuracy reached with each"):
        assert text in page
    assert "τ 0.33" in page
    assert "τ \N{EN DASH}" in page  # where perturbation told nothing apart
    assert "1 copy might have become better" in page
    assert told(run_path).discretisation.edges[0].operations[1].ranks == operation("", 0, 0, 0, 1, 2, 1)["ranks"]
    assert json.loads((run_path / "facts.json").read_text())["discretisation"] == STRENGTHS


def test_frames_move_with_what_the_cheap_measures_prefer(run_path: Path) -> None:
    analysed(run_path, "discretisation", STRENGTHS)
    found = told(run_path).discretisation
    preferred = {"discretisation": "nor_conv_3x3", "gate": "none", "perturbation": "nor_conv_3x3"}
    other = found.model_copy(update={"edges": (found.edges[0].model_copy(update={"preferred": preferred}),)})
    assert draw_strengths(found) == draw_strengths(found)
    assert draw_strengths(found) != draw_strengths(other)


def test_the_page_tells_what_shuffling_costs(run_path: Path) -> None:
    page = analysed(run_path, "shuffling", SHUFFLED)
    for text in ("Shuffled edges", "87.50%", "50.00% ± 12.50%", "cell: edges 0-1 and 2-3", "2 times"):
        assert text in page


def test_an_analysis_without_a_section_shows_its_findings_as_they_are(run_path: Path) -> None:
    page = analysed(run_path, "of-a-plugin", {"depth": 3, "by": {"edge": [0.5, 0.25]}})
    assert "<h2>Analysis: of-a-plugin</h2>" in page
    assert "<code>by.edge</code></dt><dd>0.5, 0.25" in page


def test_damaged_findings_are_named(run_path: Path) -> None:
    FakeRun(run_path).directory.write("analysis.json", {"name": "shuffling", "run": "runs/flowers", "findings": {}})
    with pytest.raises(RunDirectoryError, match=r"analysis\.json does not hold what a run writes there"):
        write_report(run_path)
