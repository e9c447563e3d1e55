"""The architectures that a search proposes beside its own."""

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from dartboard.engine.finished.proposals import propose, propose_random
from dartboard.parts import Threshold, UniformlyRandom
from dartboard.space import SPACES, CellGenotype, Genotype, check_genotype, get_space, lets_images_through

SPACE_NAMES = [entry.name for entry in SPACES]
SIZED = "darts:nodes=2"


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


@cache
def found_in(name: str) -> Genotype:
    return UniformlyRandom()(get_space(name), {}, seeded(99))


def gates_of(name: str, seed: int, sharpness: float) -> dict[str, Tensor]:
    """Softmax gates; the larger `sharpness`, the nearer to one-hot."""
    space = get_space(name)
    shape = (len(space.cell.edges), len(space.ops))
    return {
        kind: (sharpness * torch.randn(shape, generator=seeded(seed + number))).softmax(1)
        for number, kind in enumerate(space.cell_kinds)
    }


def proposed(name: str, gates: dict[str, Tensor] | None, count: int, generator: Generator) -> list[Genotype]:
    space, found = get_space(name), found_in(name)
    return (
        propose_random(space, found, count, generator)
        if gates is None
        else propose(space, found, gates, count, generator)
    )


def canonical(genotype: Genotype) -> list[tuple[str, list[object]]]:
    return [(kind, sorted(cell.choices)) for kind, cell in genotype.cells]


@pytest.mark.parametrize("name", [*SPACE_NAMES, SIZED])
@pytest.mark.parametrize("learned", [True, False])
def test_proposals_of_every_space_are_different_valid_architectures(name: str, learned: bool) -> None:
    proposals = proposed(name, gates_of(name, 1, 0.5) if learned else None, 4, seeded())
    assert len(proposals) == 4
    assert proposals[0] == found_in(name)
    for number, proposal in enumerate(proposals):
        check_genotype(proposal, get_space(name))
        assert lets_images_through(get_space(proposal.space), proposal)
        assert canonical(proposal) not in map(canonical, proposals[:number])


@given(
    st.sampled_from(["nas-bench-201", "darts"]),
    st.integers(0, 2**16),
    st.floats(0, 40),
    st.integers(1, 6),
    st.booleans(),
)
@settings(max_examples=40)
def test_the_found_one_comes_first_and_there_are_never_more_than_asked(
    name: str, seed: int, sharpness: float, count: int, learned: bool
) -> None:
    gates = gates_of(name, seed, sharpness) if learned else None
    proposals = proposed(name, gates, count, seeded(seed))
    assert proposals[0] == found_in(name)
    assert 1 <= len(proposals) <= count
    different = {str(canonical(proposal)) for proposal in proposals}
    assert len(different) == len(proposals)
    assert all(lets_images_through(get_space(proposal.space), proposal) for proposal in proposals)
    assert proposed(name, gates, count, seeded(seed)) == proposals


def one_hot(name: str, op: str) -> dict[str, Tensor]:
    space = get_space(name)
    row = torch.tensor([float(each == op) for each in space.ops])
    return {kind: row.repeat(len(space.cell.edges), 1) for kind in space.cell_kinds}


def shares_of(proposals: list[Genotype]) -> list[float]:
    """How often each operation is in them, in the order of the space."""
    ops = get_space("nas-bench-201").ops
    counts = sum(torch.tensor([each.operation_counts.get(op, 0) for op in ops]) for each in proposals)
    assert isinstance(counts, Tensor)
    shares: list[float] = (counts / counts.sum()).tolist()
    return shares


def test_a_search_that_is_sure_proposes_what_differs_in_little() -> None:
    space = get_space("nas-bench-201")
    proposals = propose(space, found_in("nas-bench-201"), one_hot("nas-bench-201", "nor_conv_3x3"), 4, seeded())
    assert len(proposals) == 4
    assert shares_of(proposals[1:])[space.ops.index("nor_conv_3x3")] > 0.7


def test_what_lets_nothing_through_is_not_proposed() -> None:
    """However sure the search is of it."""
    space = get_space("nas-bench-201")
    proposals = propose(space, found_in("nas-bench-201"), one_hot("nas-bench-201", "none"), 4, seeded())
    assert all(lets_images_through(get_space(proposal.space), proposal) for proposal in proposals)
    assert shares_of(proposals[1:])[space.ops.index("none")] < 1


def test_the_order_in_which_choices_are_written_makes_no_other_architecture() -> None:
    space, gates = get_space("nas-bench-201"), one_hot("nas-bench-201", "nor_conv_1x1")
    _, drawn = propose(space, found_in("nas-bench-201"), gates, 2, seeded())
    turned = Genotype(
        drawn.space, tuple((kind, CellGenotype(cell.choices[::-1], cell.outputs)) for kind, cell in drawn.cells)
    )
    assert canonical(drawn) not in map(canonical, propose(space, turned, gates, 6, seeded())[1:])


def test_the_order_of_the_gates_tells_and_their_scale_does_not() -> None:
    space = get_space("nas-bench-201")
    row = torch.tensor([0.19, 0.20, 0.20, 0.22, 0.19])
    gates = row.repeat(len(space.cell.edges), 1)
    proposals = propose(space, found_in("nas-bench-201"), {"cell": gates}, 80, seeded())
    shares = shares_of(proposals[1:])
    assert shares[3] == max(shares) > 0.6
    assert propose(space, found_in("nas-bench-201"), {"cell": 8 * gates}, 80, seeded()) == proposals
    even = {"cell": torch.ones_like(gates)}
    for learned in (None, even):
        uniform = proposed("nas-bench-201", learned, 80, seeded())[1:]
        assert shares_of(uniform) == pytest.approx([0.2] * 5, abs=0.08)


def test_without_gates_only_the_ranking_follows() -> None:
    space, found = get_space("nas-bench-201"), found_in("nas-bench-201")
    ranked = [UniformlyRandom()(space, {}, seeded(number)) for number in range(3)]
    assert propose(space, found, None, 9, seeded(), ranked=ranked) == [found, *ranked]
    assert propose(space, found, None, 2, seeded(), ranked=[found, *ranked]) == [found, ranked[0]]


def test_a_threshold_holds_for_all_proposals() -> None:
    space, found = get_space("darts"), found_in("darts")
    gates = {kind: torch.full((14, 8), 0.2) for kind in space.cell_kinds}
    for kind in space.cell_kinds:
        gates[kind][:, 2:5] = 0.95
    proposals = propose(space, found, gates, 5, seeded(), selection=Threshold(0.85))[1:]
    assert len(proposals) == 4
    assert {choice.op for each in proposals for _, cell in each.cells for choice in cell.choices} <= set(space.ops[2:5])
    nothing = propose(
        space, found, {kind: gate / 10 for kind, gate in gates.items()}, 5, seeded(), selection=Threshold()
    )
    assert len(nothing) <= 2  # the best operation from the inputs, which the method falls back to


def test_only_what_was_searched_is_proposed() -> None:
    space = get_space("nas-bench-201")
    searched = torch.ones(6, 5, dtype=torch.bool)
    searched[:, 0] = False
    searched[:3] = False
    searched[:3, 3] = True
    gates = {"cell": torch.rand(6, 5, generator=seeded())}
    proposals = propose(space, found_in("nas-bench-201"), gates, 20, seeded(), searched={"cell": searched})[1:]
    assert len(proposals) == 19
    for each in proposals:
        ops = [choice.op for choice in sorted(each["cell"].choices)]
        assert ops[:3] == ["nor_conv_3x3"] * 3
        assert "none" not in ops
