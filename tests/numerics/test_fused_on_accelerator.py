"""The fast engine takes other ways on an accelerator than on a CPU; they give what the reference gives, too."""

from collections.abc import Callable, Mapping

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from dartboard.space import SearchSpace
from dartboard.supernet import ReferenceSupernet, SupernetSpec
from dartboard.testing import STAND_IN, stand_in

from .engines import SPACES, Question, answer, ask, assert_same, directions, questions, small_spec, twins

every_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
Asked = Callable[[ReferenceSupernet, Question], Mapping[str, Tensor]]


def there(fused: ReferenceSupernet, question: Question, asked: Asked = answer) -> dict[str, Tensor]:
    """What the engine says on the accelerator, brought back."""
    with stand_in() as device:
        gates = {name: gate.to(STAND_IN) for name, gate in question.gates.items()}
        moved = question._replace(images=question.images.to(STAND_IN), gates=gates)
        found = asked(fused.to(STAND_IN), moved)
        assert device.launches
        return {name: tensor.detach().cpu() for name, tensor in found.items()}


@every_space
@pytest.mark.parametrize("side", [8, 9])
def test_results_and_all_gradients_are_the_references(space: SearchSpace, side: int) -> None:
    spec = small_spec(space, width=4)
    reference, fused = twins(spec)
    question = ask(spec, size=(side, side), softmax=True)
    assert_same(there(fused, question), answer(reference, question))


@every_space
def test_gradients_for_alpha_or_weights_alone_are_the_references(space: SearchSpace) -> None:
    spec = small_spec(space, width=4)
    reference, fused = twins(spec)
    question = ask(spec, softmax=True)
    for of_alpha in (True, False):

        def asked(supernet: ReferenceSupernet, question: Question, of_alpha: bool = of_alpha) -> dict[str, Tensor]:
            gates = {name: gate.clone().requires_grad_() for name, gate in question.gates.items()}
            wanted = gates if of_alpha else dict(supernet.named_parameters())
            logits = supernet(question.images, gates)
            value = (logits * directions([logits])[0]).sum()
            return dict(zip(wanted, torch.autograd.grad(value, list(wanted.values())), strict=True))

        assert_same(there(fused, question, asked), asked(reference, question))


@settings(max_examples=15, derandomize=True, suppress_health_check=list(HealthCheck))
@given(questions(mixed=True))
def test_any_spec_with_any_gates_gives_what_the_reference_gives(drawn: tuple[SupernetSpec, Question]) -> None:
    spec, question = drawn
    reference, fused = twins(spec)
    if question.skip_dropout is not None or any(name.endswith("noise") for name in spec.space.ops):
        question = question._replace(skip_dropout=None)
    assert_same(there(fused, question), answer(reference, question))
