"""The page of an analysis: its facts, its table, its picture."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import RunDirectoryError
from dartboard.reports import write_report
from dartboard.reports.reader import read_facts
from dartboard.reports.strength_chart import draw_strengths
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun
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
    assert "1 copy might have got better yet" in page
    facts = read_facts(run_path)
    assert facts.discretisation is not None
    assert facts.discretisation.edges[0].operations[1].ranks == (1, 2, 1)
    plain = json.loads((run_path / "facts.json").read_text())["discretisation"]
    assert plain["edges"][0]["preferred"] == ["nor_conv_3x3", "skip_connect", "nor_conv_3x3"]
    assert plain["skips"] == [0, 1, 0]


def test_frames_move_with_what_the_cheap_measures_prefer(run_path: Path) -> None:
    analysed(run_path, "discretisation", STRENGTHS)
    facts = read_facts(run_path).discretisation
    assert facts is not None
    other = replace(facts, edges=(replace(facts.edges[0], preferred=("nor_conv_3x3", "none", "nor_conv_3x3")),))
    assert draw_strengths(facts) == draw_strengths(facts)
    assert draw_strengths(facts) != draw_strengths(other)


def test_the_page_tells_what_shuffling_costs(run_path: Path) -> None:
    page = analysed(run_path, "shuffling", SHUFFLED)
    for text in ("Shuffled edges", "87.50%", "50.00% ± 12.50%", "cell: edges 0-1 and 2-3", "2 times"):
        assert text in page


def test_an_analysis_that_is_not_known_here_has_no_section_and_a_damaged_one_is_named(run_path: Path) -> None:
    run = FakeRun(run_path)
    run.directory.write("analysis.json", {"name": "of-a-plugin", "run": "runs/flowers", "findings": {}})
    assert read_facts(run_path).analysed is False
    run.directory.write("analysis.json", {"name": "shuffling", "run": "runs/flowers", "findings": {}})
    with pytest.raises(RunDirectoryError, match=r"analysis\.json does not hold what a run writes there"):
        read_facts(run_path)
