"""A start that leans towards an architecture: closed forms, and the architecture that the gates then give."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import DartboardError
from dartboard.parts import (
    METHODS,
    Concrete,
    Dirichlet,
    EdgeSimplex,
    EdgeSoftmax,
    PairSoftmax,
    Recipe,
    Simplex,
    Softmax,
    UniformlyRandom,
    UniformPaths,
)
from dartboard.parts.architecture import Architecture
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.parts.relaxation.drawn import concentration
from dartboard.parts.relaxation.protocol import PerCell
from dartboard.settings.start import check_start
from dartboard.space import ATTENTION, PUBLISHED, Choice, Genotype, SearchSpace, get_space

DARTS = PUBLISHED["darts-v2"]
MEMBERS = {
    "darts": DARTS,
    "nas-bench-201": PUBLISHED["nas-bench-201-9930"],
    "conv-stages": PUBLISHED["conv-stages-mobile"],
    "proxyless": UniformlyRandom()(get_space("proxyless"), {}, torch.Generator().manual_seed(1)),
}
LEAD = 2.0


def architecture(recipe: Recipe, space: SearchSpace) -> Architecture:
    return Architecture.of(recipe, space, initial_live(recipe, space), torch.device("cpu"))


def starts(recipe: Recipe, member: Genotype, lead: float = LEAD) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The start values without and with the lead."""
    made = architecture(recipe, get_space(member.space))
    drawn = made.initial_alphas(torch.Generator().manual_seed(0))
    return drawn, made.lean(drawn, member, lead)


def gates(recipe: Recipe, member: Genotype, lead: float = LEAD) -> dict[str, Tensor]:
    return architecture(recipe, get_space(member.space)).mean_gates(starts(recipe, member, lead)[1])


def share(lead: float, kept: int, number: int) -> float:
    """What each of `kept` equals among `number` has in a softmax if they lead."""
    return math.exp(lead) / (kept * math.exp(lead) + number - kept)


STILL = Softmax(initial_scale=0.0)
"""A softmax over alphas that start without noise."""


@pytest.mark.parametrize(
    "relaxation",
    [
        STILL,
        replace(STILL, coldness=1e3),
        UniformPaths(replace(STILL, coldness=5.0)),
        Simplex(),
        Dirichlet(initial_scale=0.0),
    ],
)
@pytest.mark.parametrize("lead", [0.5, LEAD])
def test_every_operation_of_the_member_has_the_share_that_the_lead_gives_in_a_softmax(
    relaxation: PerCell, lead: float
) -> None:
    found, space = gates(Recipe(relaxation=relaxation), DARTS, lead), get_space("darts")
    for kind, cell in DARTS.cells:
        columns = {space.cell.row(each.target, each.source): space.ops.index(each.op) for each in cell.choices}
        for row, own in enumerate(found[kind]):
            expected = torch.full((8,), 1 / 8)
            if row in columns:
                expected[:] = share(lead, 1, 8) / math.exp(lead)
                expected[columns[row]] = share(lead, 1, 8)
            torch.testing.assert_close(own, expected)


def test_the_default_lead_gives_half_to_one_of_the_operations_of_darts() -> None:
    assert share(LEAD, 1, 8) == pytest.approx(0.5, abs=0.02)
    assert share(LEAD, 1, 5) == pytest.approx(0.65, abs=0.005)


def test_noise_is_kept_and_the_lead_comes_on_top() -> None:
    drawn, led = starts(Recipe(relaxation=Concrete()), DARTS)
    for kind, cell in DARTS.cells:
        added = led[kind] - drawn[kind]
        assert drawn[kind].std() > 0
        assert int((added != 0).sum()) == len(cell.choices)
        torch.testing.assert_close(added[added != 0], torch.full((len(cell.choices),), LEAD))


def test_the_concentrations_of_a_dirichlet_keep_their_sum_and_their_noise() -> None:
    drawn, led = starts(Recipe(relaxation=Dirichlet()), DARTS)
    for kind, cell in DARTS.cells:
        before, after = concentration(drawn[kind]), concentration(led[kind])
        torch.testing.assert_close(after.sum(dim=-1), before.sum(dim=-1))
        rows = {get_space("darts").cell.row(each.target, each.source) for each in cell.choices}
        for row in set(range(14)) - rows:
            assert torch.equal(led[kind][row], drawn[kind][row])
    nearest = starts(Recipe(relaxation=Dirichlet(radius=1.0)), DARTS)[1]
    for kind, _ in DARTS.cells:
        assert (concentration(nearest[kind]) - 1).norm(dim=-1).max() == pytest.approx(1.0)


NODES = {2: [0, 1], 3: [0, 1], 4: [0, 1], 5: [0, 2]}
"""Node of the normal cell of darts-v2 -> its predecessors."""


@pytest.mark.parametrize("edges", [EdgeSoftmax(), EdgeSimplex()])
def test_the_edges_of_the_member_lead_among_those_into_their_node(edges: PerCell) -> None:
    found = gates(Recipe(edges=edges), DARTS)["normal.edges"]
    topology = get_space("darts").cell
    for node, sources in NODES.items():
        for row in topology.incoming(node):
            led = share(LEAD, 2, node)
            expected = led if topology.edges[row].source in sources else led / math.exp(LEAD)
            assert found[row].item() == pytest.approx(expected, abs=2e-3)


def test_the_pairs_of_edges_of_the_member_lead_among_those_into_their_node() -> None:
    shares = gates(Recipe(edges=PairSoftmax()), DARTS)["normal.sets"]
    # In order: node 2 has 1 pair; node 3 has 3 and node 4 has 6, which begin with (0, 1); node 5 begins (0, 1), (0, 2).
    leading = {0: 1, 1: 3, 4: 6, 11: 10}
    for place, number in leading.items():
        assert shares[place].item() == pytest.approx(share(LEAD, 1, number), abs=1e-6)
    assert len(shares) == 20
    assert int((shares > 0.2).sum()) == len(leading)


def test_the_attention_of_the_member_leads_on_its_edges() -> None:
    cells = tuple(
        (kind, replace(cell, choices=tuple(replace(each, attention="cbam") for each in cell.choices)))
        for kind, cell in DARTS.cells
    )
    drawn, led = starts(make_recipe("att-darts", {}), Genotype("darts", cells))
    added = led["normal.attention"] - drawn["normal.attention"]
    rows = sorted(get_space("darts").cell.row(each.target, each.source) for each in DARTS["normal"].choices)
    assert added.nonzero().tolist() == [[row, ATTENTION.index("cbam")] for row in rows]


NAMES = sorted(each.name for each in METHODS)


def fitting() -> Iterator[tuple[str, str]]:
    """Methods, and spaces whose member they can start at."""
    for name in NAMES:
        for space, member in MEMBERS.items():
            recipe = make_recipe(name, {})
            try:
                check_fit(recipe, get_space(space))
                check_start(name, recipe, get_space(space), member)
            except DartboardError:
                continue
            yield name, space


FITTING = list(fitting())


def choices(genotype: Genotype) -> dict[str, set[Choice]]:
    """The operations of every cell, without the attention that a method adds."""
    return {kind: {replace(each, attention="") for each in cell.choices} for kind, cell in genotype.cells}


@pytest.mark.parametrize(("name", "space"), FITTING)
def test_the_architecture_of_the_start_is_the_member(name: str, space: str) -> None:
    stage, member = make_recipe(name, {}).stages[0].recipe, MEMBERS[space]
    found = stage.selection(get_space(space), gates(stage, member), torch.Generator())
    assert choices(found) == choices(member)
    even = architecture(stage, get_space(space)).mean_gates(starts(stage, member)[0])
    assert choices(stage.selection(get_space(space), even, torch.Generator())) != choices(member)


def test_most_methods_can_start_at_a_member_of_cells_and_of_layers() -> None:
    able = {space: {name for name, own in FITTING if own == space} for space in MEMBERS}
    unable = {"random", "rsps", "enas", "darts-pt-fixed", "is-darts"}
    unable |= {name for name in NAMES if make_recipe(name, {}).discrete}  # no alpha
    assert able["darts"] == set(NAMES) - unable
    assert {"darts", "pc-darts", "gdas", "drnas", "proxyless", "setn", "single-darts"} <= able["conv-stages"]
