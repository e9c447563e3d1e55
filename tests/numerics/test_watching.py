"""A reader of the outputs of operations: it leaves the pass as it is, and reads the same in both engines."""

import pytest
import torch
from torch import Tensor

from dartboard.space import SearchSpace
from dartboard.supernet import Mixing, ReferenceSupernet

from .engines import SMALL_SPACES, ask, small_spec, twins

Read = dict[tuple[int, int, str], Tensor]


def watched(supernet: ReferenceSupernet, *given: object) -> tuple[Tensor, Read]:
    read: Read = {}

    def reader(block: int, row: int, op: str, output: Tensor) -> None:
        assert (block, row, op) not in read
        read[block, row, op] = output.detach()

    return supernet.watched(*given, reader), read  # type: ignore[arg-type]


@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
def test_every_output_is_read_the_same_in_both_engines_and_nothing_else_changes(space: SearchSpace) -> None:
    spec = small_spec(space)
    question = ask(spec, softmax=True)
    reference, fused = twins(spec)
    logits, read = watched(reference, question.images, question.gates, None)
    assert torch.equal(logits, reference(question.images, question.gates))
    again, by_fused = watched(fused, question.images, question.gates, None)
    torch.testing.assert_close(again, fused(question.images, question.gates))
    assert set(read) == set(by_fused) == {place for place, _ in reference.named_by_op()}
    for place, output in read.items():
        torch.testing.assert_close(by_fused[place], output)


def test_the_output_is_that_of_the_operation_before_its_gate() -> None:
    spec = small_spec(SMALL_SPACES[1])
    question = ask(spec, softmax=True)
    reference, _ = twins(spec)
    _, read = watched(reference, question.images, question.gates, None)
    stem, _ = reference.backbone.stem(question.images)
    for op, module in reference.backbone.blocks[0].edges[0].items():  # type: ignore[union-attr, operator]
        torch.testing.assert_close(read[0, 0, op], module(stem.whole))


def test_only_what_runs_is_read() -> None:
    spec = small_spec(SMALL_SPACES[1], mixing=Mixing(channel_share=2))
    question = ask(spec, softmax=True)
    active = {"cell": [(row % 5,) for row in range(6)]}
    for supernet in twins(spec):
        _, read = watched(supernet, question.images, question.gates, active)
        assert {(row, op) for _, row, op in read} == {(row, spec.space.ops[row % 5]) for row in range(6)}
