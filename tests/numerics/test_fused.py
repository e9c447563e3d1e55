"""The fast engine computes what the reference computes: results, gradients and running statistics."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from dartboard.space import ATTENTION, Norm, SearchSpace
from dartboard.supernet import Mixing, SkipDropout, SupernetSpec
from dartboard.supernet.fused import FusedCell
from dartboard.supernet.spec import SEARCH_NORM

from .engines import (
    SMALL_SPACES,
    SPACES,
    Question,
    answer,
    ask,
    assert_same,
    norms,
    questions,
    relative_error,
    small_spec,
    twins,
)

every_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
every_norm = pytest.mark.parametrize(
    "norm",
    [SEARCH_NORM, Norm(affine=False, running=True), Norm(affine=True, running=False), Norm(affine=True, running=True)],
    ids=["search", "running", "affine", "affine-running"],
)


@every_space
@pytest.mark.parametrize(("side", "batch"), [(7, 1), (8, 2), (8, 4), (9, 3)])
@pytest.mark.parametrize("width", [2, 6])
def test_results_and_all_gradients_are_the_references(space: SearchSpace, side: int, batch: int, width: int) -> None:
    spec = small_spec(space, width=width)
    reference, fused = twins(spec)
    question = ask(spec, batch=batch, size=(side, side), softmax=True)
    assert_same(answer(fused, question), answer(reference, question))


@every_space
def test_images_need_not_be_square_nor_channels_last_nor_contiguous(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec, size=(9, 6))
    wanted = answer(reference, question)
    layouts = [
        question.images.contiguous(memory_format=torch.channels_last),
        question.images.flip(3).flip(3).transpose(2, 3).contiguous().transpose(2, 3),
        question.images.repeat_interleave(2, dim=3)[..., ::2],
    ]
    for images in layouts:
        assert_same(answer(fused, question._replace(images=images)), wanted)


@settings(max_examples=25)
@given(questions())
def test_any_operations_on_any_graph_give_the_references_gradients(case: tuple[SupernetSpec, Question]) -> None:
    spec, question = case
    reference, fused = twins(spec)
    assert_same(answer(fused, question), answer(reference, question))


@settings(max_examples=20)
@given(questions(mixed=True))
def test_any_mixing_gives_the_references_gradients(case: tuple[SupernetSpec, Question]) -> None:
    spec, question = case
    reference, fused = twins(spec)
    assert_same(answer(fused, question), answer(reference, question))


@settings(max_examples=15)
@given(questions(mixed=True), norms)
def test_any_norm_gives_the_references_gradients_and_running_statistics(
    case: tuple[SupernetSpec, Question], norm: Norm
) -> None:
    spec, question = case
    assert_same_with_buffers(replace(spec, norm=norm), question)


@every_space
@every_norm
def test_training_and_evaluation_agree_with_every_norm(space: SearchSpace, norm: Norm) -> None:
    spec = replace(small_spec(space), norm=norm)
    assert_same_with_buffers(spec, ask(spec, size=(7, 7)))


def assert_same_with_buffers(spec: SupernetSpec, question: Question) -> None:
    reference, fused = twins(spec)
    assert_same(answer(fused, question), answer(reference, question))
    assert_same(dict(fused.named_buffers()), dict(reference.named_buffers()))
    assert_same(answer(fused.eval(), question), answer(reference.eval(), question))


@every_space
@pytest.mark.parametrize(
    "mixing",
    [
        Mixing(channel_share=2),
        Mixing(channel_share=4),
        Mixing(auxiliary_skip=True),
        Mixing(attention=("skip_connect", "nor_conv_1x1")),
        Mixing(channel_share=4, auxiliary_skip=True, attention=("skip_connect", "sep_conv_3x3")),
    ],
    ids=["half", "quarter", "auxiliary", "attention", "all"],
)
@pytest.mark.parametrize("side", [7, 8])
def test_every_mixing_gives_the_references_gradients(space: SearchSpace, mixing: Mixing, side: int) -> None:
    spec = small_spec(space, width=8 if mixing.channel_share == 4 else 4, mixing=mixing)
    reference, fused = twins(spec)
    question = ask(spec, size=(side, side))
    assert_same(answer(fused, question), answer(reference, question))


@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
@every_norm
def test_all_attention_of_att_darts_gives_the_references_gradients(space: SearchSpace, norm: Norm) -> None:
    mixing = Mixing(channel_share=1 if norm.affine else 2, attention=ATTENTION)
    spec = replace(small_spec(space, width=4, mixing=mixing), norm=norm)
    assert_same_with_buffers(spec, ask(spec))


@every_space
@pytest.mark.parametrize("per_image", [False, True])
def test_gates_of_edges_and_offsets_give_the_references_gradients(space: SearchSpace, per_image: bool) -> None:
    spec = small_spec(space, width=4, mixing=Mixing(channel_share=2, auxiliary_skip=True))
    reference, fused = twins(spec)
    question = ask(spec)
    generator = torch.Generator().manual_seed(4)
    edges = len(space.cell.edges)
    for kind in space.cell_kinds:
        shape = (len(question.images), edges) if per_image else (edges,)
        question.gates[f"{kind}.edges"] = torch.rand(shape, generator=generator, dtype=torch.float64)
        question.gates[f"{kind}.offset"] = torch.randn(edges, generator=generator, dtype=torch.float64)
    assert_same(answer(fused, question), answer(reference, question))


@every_space
@pytest.mark.parametrize("mixing", [Mixing(), Mixing(channel_share=2, attention=("skip_connect", "sep_conv_3x3"))])
def test_dropout_behind_identities_gives_the_references_gradients(space: SearchSpace, mixing: Mixing) -> None:
    spec = small_spec(space, width=4, mixing=mixing)
    reference, fused = twins(spec)
    question = ask(spec, size=(7, 9))._replace(skip_dropout=SkipDropout(0.4, seed=3))
    wanted = answer(reference, question)
    assert_same(answer(fused, question), wanted)
    whole = answer(fused, question._replace(skip_dropout=None))
    assert relative_error(whole["logits"], wanted["logits"]) > 1e-3


@every_space
def test_a_single_path_of_any_choice_gives_the_references_gradients(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    edges, columns = space.alpha_shape
    for first in range(columns):
        path = [[(first + row) % columns] for row in range(edges)]
        chosen = question._replace(active=dict.fromkeys(space.cell_kinds, path))
        assert_same(answer(fused, chosen), answer(reference, chosen))


def test_a_cell_keeps_no_plan_but_the_latest_and_takes_none_for_another() -> None:
    """Thousands of draws would otherwise leave as many plans; one left over from the draw before would be wrong."""
    spec = small_spec(SPACES[1])
    reference, fused = twins(spec)
    question, generator = ask(spec), torch.Generator().manual_seed(0)

    def plans() -> list[object]:
        return [plan for cell in fused.modules() if isinstance(cell, FusedCell) for plan in cell._plans.values()]

    for _ in range(10):
        drawn = torch.randint(len(spec.space.ops), (len(spec.space.cell.edges), 1), generator=generator).tolist()
        chosen = question._replace(active={"cell": drawn})
        assert_same(answer(fused, chosen), answer(reference, chosen))
        sources = 3
        assert len(plans()) == sources * sum(isinstance(cell, FusedCell) for cell in fused.modules())
    before = plans()
    answer(fused, chosen)
    assert all(one is other for one, other in zip(plans(), before, strict=True)), "a draw that stays needs no new plan"
    assert_same(answer(fused, question), answer(reference, question))


@every_space
def test_cells_without_any_active_operation_give_the_references_gradients(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    empty: list[list[int]] = [[] for _ in space.cell.edges]
    question = ask(spec)._replace(active=dict.fromkeys(space.cell_kinds, empty))
    wanted = answer(reference, question)
    assert_same(answer(fused, question), wanted)
    assert all(wanted[f"gates {kind}"].abs().sum() == 0 for kind in space.cell_kinds)
