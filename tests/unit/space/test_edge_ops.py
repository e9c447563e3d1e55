"""Spaces that say which operations each edge has."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.errors import GenotypeError, RecipeError, SettingsError
from dartboard.parts import Recipe, SkipCap, StrongestEdges, StrongestPairs, Threshold, UniformlyRandom
from dartboard.parts.architecture import all_live
from dartboard.parts.fits import check_fit
from dartboard.parts.selection.strongest import StrongestEdgePairs
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace, check_genotype, get_space
from dartboard.supernet import ReferenceSupernet, SupernetSpec

DARTS = get_space("darts")
SELECTIONS = (
    StrongestEdges(),
    StrongestPairs(),
    StrongestEdgePairs(),
    SkipCap(most=1),
    Threshold(0.5),
    Threshold(0.5, "edge"),
    UniformlyRandom(),
)


def edge_lists(*, candidates: tuple[str, ...] = DARTS.ops[1:]) -> st.SearchStrategy[tuple[tuple[str, ...], ...]]:
    """For each of the 14 edges one to three operations."""
    names = st.lists(st.sampled_from(candidates), min_size=1, max_size=3, unique=True).map(tuple)
    return st.lists(names, min_size=14, max_size=14).map(tuple)


def with_edge_ops(**edges: tuple[tuple[str, ...], ...]) -> SearchSpace:
    return replace(DARTS, edge_ops=edges)


@given(edge_lists())
def test_a_kind_that_is_named_has_its_lists_and_any_other_has_everything(edges: tuple[tuple[str, ...], ...]) -> None:
    space = with_edge_ops(normal=edges)
    for row, names in enumerate(edges):
        assert set(space.ops_on("normal", row)) == set(names)
        assert space.ops_on("reduce", row) == DARTS.ops
        assert [space.ops[column] for column in space.selectable_on("normal", row)] == list(space.ops_on("normal", row))
        assert [space.ops[column] for column in space.selectable_on("reduce", row)] == list(DARTS.ops[1:])
    order = [DARTS.ops.index(name) for name in space.ops_on("normal", 0)]
    assert order == sorted(order)


@given(edge_lists(), st.integers(0, 2**30))
def test_no_selection_takes_what_an_edge_does_not_have(edges: tuple[tuple[str, ...], ...], seed: int) -> None:
    space, generator = with_edge_ops(normal=edges, reduce=edges[::-1]), torch.Generator().manual_seed(seed)
    live = {
        kind: torch.tensor([[name in space.ops_on(kind, row) for name in space.ops] for row in range(14)])
        for kind in space.cell_kinds
    }
    gates: Mapping[str, torch.Tensor] = {
        kind: torch.rand(14, 8, generator=generator) * live[kind] for kind in space.cell_kinds
    } | {f"{kind}.sets": torch.rand(20, generator=generator) for kind in space.cell_kinds}
    for selection in SELECTIONS:
        genotype = selection(space, gates, generator)
        check_genotype(genotype, space)
        for kind, cell in genotype.cells:
            for choice in cell.choices:
                assert choice.op in space.ops_on(kind, space.cell.row(choice.target, choice.source))


def test_a_draw_is_uniform_over_the_operations_of_its_edge() -> None:
    edges = (("skip_connect", "dil_conv_5x5"), ("max_pool_3x3",), *(("sep_conv_3x3",),) * 12)
    space, generator = with_edge_ops(normal=edges), torch.Generator().manual_seed(0)
    first = [UniformlyRandom()(space, {}, generator)["normal"].choices[:2] for _ in range(400)]
    assert {choices[1].op for choices in first} == {"max_pool_3x3"}
    skips = sum(choices[0].op == "skip_connect" for choices in first)
    assert 160 <= skips <= 240  # four standard deviations of 10 about 200


@settings(max_examples=15)
@given(edge_lists())
def test_a_supernet_holds_the_operations_of_its_edges(edges: tuple[tuple[str, ...], ...]) -> None:
    space = with_edge_ops(reduce=edges)
    plan = space.plan(in_channels=1, num_classes=2, init_channels=4, layers=3)
    with torch.device("meta"):
        supernet = ReferenceSupernet(SupernetSpec(space, plan))
    for block, place in zip(supernet.backbone.blocks, plan.places, strict=True):
        built = [tuple(ops) for ops in block.edges]  # type: ignore[union-attr]
        assert built == [space.ops_on(place.kind, row) for row in range(14)]  # type: ignore[union-attr]
    assert all_live(space, without=("none",))["reduce"] == [list(space.ops_on("reduce", row)) for row in range(14)]
    assert all_live(space, without=("none",))["normal"] == [list(DARTS.ops[1:])] * 14


ONES = (("skip_connect",), ("sep_conv_3x3",), *(("skip_connect", "sep_conv_3x3"),) * 12)


def test_a_genotype_with_an_operation_of_another_edge_is_refused() -> None:
    space = with_edge_ops(normal=ONES)
    choices = tuple(Choice(node, source, "skip_connect") for node in range(2, 6) for source in range(2))
    cell = CellGenotype(choices, (2, 3, 4, 5))
    with pytest.raises(
        GenotypeError,
        match=r"edge 1 -> 2 of the normal cell uses 'skip_connect', which this edge does not have in the space "
        r"'darts'; it has sep_conv_3x3\.",
    ):
        check_genotype(Genotype("darts", (("normal", cell), ("reduce", cell))), space)


def test_a_supernet_is_not_given_an_operation_of_another_edge() -> None:
    space = with_edge_ops(normal=ONES)
    plan = space.plan(in_channels=1, num_classes=2, init_channels=4, layers=3)
    with pytest.raises(SettingsError, match=r"edge 0 -> 2 of the normal cell has no 'sep_conv_3x3' in 'darts'"):
        SupernetSpec(space, plan).with_live({"normal": [["sep_conv_3x3"]] * 14})


def test_a_method_that_empties_an_edge_is_refused() -> None:
    with pytest.raises(RecipeError, match="every operation that the edge 0 -> 2 of the normal cell has in 'darts'"):
        check_fit(Recipe(without=("skip_connect",)), with_edge_ops(normal=ONES))
    check_fit(Recipe(without=("skip_connect",)), DARTS)


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ({"cell": ONES}, "there are no 'cell' cells in 'darts'"),
        ({"normal": ONES[:13]}, "has 14 edges, but edge_ops names the operations of 13"),
        ({"normal": (("skip_conect",), *ONES[1:])}, "'skip_conect' is no operation of 'darts'; did you mean"),
        ({"normal": (("none",), *ONES[1:])}, "edge 0 -> 2 of the normal cell of 'darts' has no operation that"),
        ({"normal": ((), *ONES[1:])}, "edge 0 -> 2 of the normal cell of 'darts' has no operation that"),
    ],
)
def test_edge_operations_that_fit_no_cell_are_refused(
    edges: dict[str, tuple[tuple[str, ...], ...]], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        with_edge_ops(**edges)


def test_spaces_of_other_edges_are_other_spaces_and_can_be_looked_up() -> None:
    space = with_edge_ops(normal=ONES)
    assert space != DARTS
    assert {space: 1, DARTS: 2}[with_edge_ops(normal=ONES)] == 1
