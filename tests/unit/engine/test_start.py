"""A search that starts at an architecture, by the real loop."""

from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine import SearchSettings
from dartboard.space import CellGenotype, Choice, Genotype
from dartboard.testing import PLANTED, PLANTED_PAIRS, MethodCase, StopAfter, Stopped, search_planted
from dartboard.testing.search_checks import search_small

WRONG = {
    "planted": (PLANTED, ("reverse", "negate", "roll")),
    "planted-pairs": (PLANTED_PAIRS, ("none", "negate", "none", "reverse")),
}
"""Problem -> it, and an architecture of which no edge is right."""


def found_from_the_wrong_start(name: str, problem: str, folder: Path, **options: object) -> tuple[str, ...]:
    """What a search ends with that started at the wrong architecture."""
    planted, ops = WRONG[problem]
    cell = planted.space.cell
    choices = [Choice(edge.target, edge.source, op) for edge, op in zip(cell.edges, ops, strict=True)]
    kept = [each for each in choices if cell.edges_per_node is None or each.op != "none"]
    member = Genotype(planted.space.name, (("cell", CellGenotype(tuple(kept), (cell.nodes[-1],))),))
    recipe = MethodCase(name, planted_options=options).planted_recipe
    settings = SearchSettings(start_at=member.to_json())
    return search_planted(planted, recipe, folder, 0, epochs=8, settings=settings)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("darts", "planted"),
        ("single-darts", "planted"),
        ("darts", "planted-pairs"),
        ("gaea", "planted-pairs"),
        ("pc-darts", "planted-pairs"),
        ("drnas", "planted-pairs"),
    ],
)
def test_a_search_that_starts_at_a_wrong_architecture_finds_the_planted_one(
    name: str, problem: str, tmp_path: Path
) -> None:
    assert found_from_the_wrong_start(name, problem, tmp_path) == WRONG[problem][0].teacher


@pytest.mark.parametrize("problem", WRONG)
def test_without_learning_a_search_ends_where_it_started(problem: str, tmp_path: Path) -> None:
    assert found_from_the_wrong_start("darts", problem, tmp_path, alpha_lr=0.0) == WRONG[problem][1]


SMALL = Genotype(
    "small",
    tuple(
        (kind, CellGenotype(tuple(Choice(node, source, op) for node in (2, 3) for source in (0, 1)), (2, 3)))
        for kind, op in (("normal", "nor_conv_1x1"), ("reduce", "max_pool_3x3"))
    ),
)
START = {"search.start_at": SMALL.to_json()}


@pytest.mark.usefixtures("small_space")
@pytest.mark.parametrize(("name", "stop"), [("pc-darts", (1, 1)), ("p-darts", (2, 1))])
def test_it_resumes_bit_for_bit(name: str, stop: tuple[int, int], tmp_path: Path) -> None:
    """One method weighs edges; the other is stopped in its second stage, which begins with new alphas."""
    case = MethodCase(name, epochs=3)
    whole = search_small(tmp_path / "whole", case, START)
    with pytest.raises(Stopped):
        search_small(tmp_path / "stopped", case, START, observer=StopAfter(*stop))
    assert search_small(tmp_path / "stopped", case, START) == whole


@pytest.mark.usefixtures("small_space")
def test_every_stage_with_new_alphas_leans_again_and_one_that_takes_them_over_does_not_lean_twice(
    tmp_path: Path,
) -> None:
    """Alpha rests throughout, so that every epoch shows the start of its stage."""
    still = {"search.warmup_fraction": 0.9, "method.options.alpha_lr": 0.0, **START}
    shares = {}
    for name, options in (("p-darts", {}), ("drnas-progressive", {"channel_shares": (2, 1), "kept_ops": 3})):
        told = search_small(tmp_path / name, MethodCase(name, options, epochs=3), still)["events"]
        epochs = [event for event in told if event.get("gates")]
        column = epochs[0]["operations"].index("nor_conv_1x1")
        shares[name] = [event["gates"]["normal"][0][column] for event in (epochs[0], epochs[-1])]
    # Among 4 operations, then among the 3 that an edge keeps; the noise of 1e-3 moves a share by less than 0.001.
    assert shares["p-darts"] == pytest.approx([0.711, 0.787], abs=1e-3)
    # The mean of a Dirichlet distribution gives the share that a softmax among three operations gives.
    assert shares["drnas-progressive"] == pytest.approx([0.787, 0.787], abs=1e-3)
