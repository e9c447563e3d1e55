"""Looking again at a finished search through the command line: another selection, and analyses."""

import json
from pathlib import Path
from signal import SIGKILL

import pytest

from dartboard.space import Genotype, check_genotype, get_space

from .command import SMALL, Halt
from .conftest import Run
from .test_spaces import TINY

SEARCH = ("search", *TINY, "--set", "search.epochs=1")
STRENGTHS = ("analyse", "run", "--what", "discretisation", "--set", "epochs=1", "--set", "edges=normal:0-2,1-2")


@pytest.mark.slow
def test_a_search_in_s2_is_retrained_reported_and_selected_from_again(dartboard: Run, folder: Path) -> None:
    """Skip connections against separable convolutions, the space in which alpha goes wrong (arXiv:2108.04392)."""
    ended = dartboard("run", *TINY, "--set", "search.epochs=1", "--space", "robust-s2", "--out", "run", "--json")
    assert ended.code == 0, ended.err
    space, choices = get_space("robust-s2"), {"skip_connect", "sep_conv_3x3"}
    assert json.loads(ended.out)["test_accuracy"] is not None
    assert "robust-s2" in (folder / "run" / "report.html").read_text()
    again = dartboard("select", "run", "--with", "perturbation", "--set", "epochs=2", "--json")
    assert again.code == 0, again.err
    facts = json.loads(again.out)
    genotype = Genotype.from_json(json.loads((folder / "run-perturbation" / "genotype.json").read_text()))
    check_genotype(genotype, space)
    assert {choice.op for _, cell in genotype.cells for choice in cell.choices} <= choices
    skips = sum(choice.op == "skip_connect" for _, cell in genotype.cells for choice in cell.choices)
    assert facts["reselection"]["skips"] == skips
    assert facts["reselection"]["genotype_before"] == json.loads(ended.out)["genotype"]
    assert "robust-s2" in (folder / "run-perturbation" / "report.html").read_text()


def test_an_analysis_killed_over_and_over_comes_to_the_same_findings(dartboard: Run, folder: Path) -> None:
    """Attempt number n is killed when it is about to write for the n-th time, until one gets through."""
    assert dartboard(*SEARCH, "--space", "robust-s2:nodes=1", "--out", "run").code == 0
    assert dartboard(*STRENGTHS, "--out", "whole").code == 0
    codes = [-SIGKILL]
    while codes[-1] == -SIGKILL and len(codes) < 20:
        codes.append(dartboard(*STRENGTHS, "--out", "halved", "--resume", halt=Halt(2 * len(codes))).code)
    assert codes[-1] == 0
    assert len(codes) > 3, "this should have taken more attempts"
    whole, halved = (json.loads((folder / name / "analysis.json").read_text()) for name in ("whole", "halved"))
    assert whole == halved
    found = whole["findings"]["edges"]
    assert [(edge["kind"], edge["source"], edge["target"]) for edge in found] == [
        ("normal", 0, 2), ("normal", 1, 2), ("reduce", 1, 2),
    ]  # fmt: skip


def test_findings_are_printed_edge_by_edge(dartboard: Run, folder: Path) -> None:
    assert dartboard("search", *SMALL, "--set", "data.max_train_images=80", "--out", "run").code == 0
    ended = dartboard("analyse", "run", "--what", "discretisation", "--set", "epochs=1", "--set", "edges=0-1")
    assert ended.code == 0, ended.err
    assert "analysis: cell:0-1 nor_conv_3x3, 5 of 6" in ended.err
    for text in ("0 -> 1", "gate agrees", "perturbation agrees", " of 1 edges", "by gate"):
        assert text in ended.out
    ended = dartboard("analyse", "run", "--what", "shuffling", "--set", "permutations=2")
    assert ended.code == 0, ended.err
    assert "with two edges exchanged, 2 times" in ended.out
    assert "report.html" in ended.out


def test_an_edge_that_is_not_there_is_one_sentence_and_leaves_nothing(dartboard: Run, folder: Path) -> None:
    assert dartboard("search", *SMALL, "--set", "data.max_train_images=80", "--out", "run").code == 0
    ended = dartboard("analyse", "run", "--what", "discretisation", "--set", "edges=3-0")
    assert ended.code == 2
    assert ended.error.startswith("dartboard: there is no edge '3-0' in the space nas-bench-201; say all, or")
    assert [path.name for path in folder.iterdir()] == ["run"]
