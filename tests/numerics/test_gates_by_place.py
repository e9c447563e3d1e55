"""Gates by place: every cell has gates of its own, in both engines."""

import pytest
import torch
from torch import Tensor

from dartboard.space import SearchSpace
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec, by_place
from dartboard.supernet.reference import make_call

from .engines import SMALL_SPACES, Question, answer, ask, assert_same, norm_of, twins

every_space = pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
MIXINGS = (Mixing(), Mixing(channel_share=2, attention=("identity", "squeeze_excite")))


def spec_of(space: SearchSpace, mixing: Mixing = MIXINGS[0]) -> SupernetSpec:
    """Several cells of every kind: two normal and two reduction cells, or three times two."""
    layers = 4 if space.name == "darts" else 2
    plan = space.plan(in_channels=2, num_classes=3, init_channels=4, layers=layers, image_size=(8, 8))
    return SupernetSpec(space, plan, mixing)


def spread(spec: SupernetSpec, question: Question) -> Question:
    return question._replace(gates=by_place(question.gates, spec.cell_counts))


def unlike(spec: SupernetSpec, question: Question) -> Question:
    """Gates by place that differ from cell to cell."""
    gates = spread(spec, question).gates
    return question._replace(
        gates={
            name: gate * torch.linspace(0.5, 1.5, len(gate), dtype=gate.dtype)[:, None, None]
            if gate.dim() == 3
            else gate
            for name, gate in gates.items()
        }
    )


@every_space
def test_the_counts_are_those_of_the_cells(space: SearchSpace) -> None:
    assert spec_of(space).cell_counts == ({"normal": 2, "reduce": 2} if space.name == "darts" else {"cell": 6})


@every_space
@pytest.mark.parametrize("mixing", MIXINGS, ids=["added", "mixed"])
def test_the_same_numbers_for_all_cells_are_the_shared_gates(space: SearchSpace, mixing: Mixing) -> None:
    """Bit for bit in both engines; summed over the cells, the gradients by place are those at the shared gates."""
    spec = spec_of(space, mixing)
    question = ask(spec, softmax=True)
    for supernet in twins(spec):
        shared, placed = answer(supernet, question), answer(supernet, spread(spec, question))
        assert torch.equal(placed["logits"], shared["logits"])
        summed = {
            name: found.sum(dim=0) if name.removeprefix("gates ") in spec.cell_counts else found
            for name, found in placed.items()
        }
        assert_same(summed, shared)


@every_space
@pytest.mark.parametrize("mixing", MIXINGS, ids=["added", "mixed"])
def test_both_engines_agree_where_the_cells_differ(space: SearchSpace, mixing: Mixing) -> None:
    spec = spec_of(space, mixing)
    question = unlike(spec, ask(spec, softmax=True))
    reference, fused = twins(spec)
    wanted = answer(reference, question)
    assert_same(answer(fused, question), wanted)
    assert not torch.equal(wanted["logits"], answer(reference, ask(spec, softmax=True))["logits"])


@every_space
def test_a_cell_follows_the_gates_of_its_own_place(space: SearchSpace) -> None:
    """The gates of the second cell of a kind change what that cell gives, and nothing before it."""
    spec = spec_of(space)
    kind = spec.space.cell_kinds[0]
    question = spread(spec, ask(spec, softmax=True))
    changed = question.gates[kind].clone()
    changed[1] *= 2
    places = [place.kind if hasattr(place, "kind") else "" for place in spec.plan.places]
    second = [number for number, name in enumerate(places) if name == kind][1]

    def maps(supernet: ReferenceSupernet, gates: Tensor) -> list[Tensor]:
        call = make_call(question.images, {**question.gates, kind: gates}, None, None, 0)
        return supernet.run(question.images, call, taps=range(len(places)))[1]

    for supernet in twins(spec):
        before, after = maps(supernet, question.gates[kind]), maps(supernet, changed)
        differ = [norm_of(old - new) > 0 for old, new in zip(before, after, strict=True)]
        assert differ.index(True) == second
