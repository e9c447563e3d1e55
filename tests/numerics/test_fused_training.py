"""The fast engine in use: rounding in float32, whole training steps, checkpoints and copies."""

import copy
import statistics
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dartboard.parts.update import AdamUpdate
from dartboard.space import SearchSpace
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet

from .engines import SMALL_SPACES, SPACES, answer, ask, assert_same, flat, relative_error, small_spec, twins

every_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
every_small_space = pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)

FEW_OPS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_5x5")
every_trained_space = pytest.mark.parametrize(
    "space", [replace(SMALL_SPACES[0], ops=FEW_OPS), SMALL_SPACES[1]], ids=lambda space: space.name
)


def by_group(found: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        "logits": found["logits"],
        "images": found["images"],
        "gates": flat(tensor for name, tensor in found.items() if name.startswith("gates ")),
        "weights": flat(tensor for name, tensor in found.items() if name.startswith("weight ")),
    }


@every_small_space
def test_in_float32_the_errors_are_at_most_twice_the_references_own(space: SearchSpace) -> None:
    spec, seeds = small_spec(space, width=4), range(12)
    errors: dict[str, tuple[list[float], list[float]]] = {
        name: ([], []) for name in ("logits", "images", "gates", "weights")
    }
    for seed in seeds:
        reference, fused = twins(spec, seed)
        question = ask(spec, seed=seed, softmax=True)
        exact = by_group(answer(reference, question))
        single = question.to(torch.float32)
        single = single._replace(images=single.images.contiguous(memory_format=torch.channels_last))
        for place, supernet in enumerate((reference, fused)):
            for name, found in by_group(answer(supernet.float(), single)).items():
                errors[name][place].append(relative_error(found, exact[name]))
    for name, (of_reference, of_fused) in errors.items():
        # Errors of one seed are a matter of luck, several times larger where a value close to zero changes its
        # sign before a ReLU: their geometric mean is what repeats. The floor is a single rounding of float32.
        assert statistics.geometric_mean(of_fused) <= 2 * statistics.geometric_mean(of_reference) + 1e-7, name


def train(supernet: ReferenceSupernet, dtype: torch.dtype, steps: int) -> tuple[list[float], dict[str, Tensor]]:
    """Alpha and weight steps by turns, as a first-order search takes them; losses and the final alphas and weights."""
    supernet = supernet.to(dtype)
    spec = supernet.spec
    alphas = {kind: (gate * 1e-3).to(dtype).requires_grad_() for kind, gate in ask(spec, seed=3).gates.items()}
    weights = list(supernet.parameters())
    alpha_optimizer = AdamUpdate(lr=3e-3).optimizer(alphas, {})
    weight_optimizer = torch.optim.SGD(weights, lr=0.025, momentum=0.9, weight_decay=3e-4)
    labels = torch.tensor([0, 1, 2, 0])
    losses = []
    for step in range(steps):
        for part, optimizer in enumerate((alpha_optimizer, weight_optimizer)):
            images = ask(spec, batch=4, size=(7, 7), seed=100 + 2 * step + part).images.to(dtype)
            gates = {kind: alpha.softmax(dim=-1) for kind, alpha in alphas.items()}
            loss = functional.cross_entropy(supernet(images, gates), labels)
            optimizer.zero_grad()
            moved = list(alphas.values()) if part == 0 else weights
            for tensor, gradient in zip(moved, torch.autograd.grad(loss, moved), strict=True):
                tensor.grad = gradient
            if part == 1:
                torch.nn.utils.clip_grad_norm_(weights, 5.0)
            optimizer.step()
            losses.append(float(loss.detach()))
    return losses, {**alphas, **dict(supernet.named_parameters())}


@every_trained_space
def test_twenty_training_steps_in_float64_end_at_the_same_place(space: SearchSpace) -> None:
    spec = small_spec(space)
    (wanted_losses, wanted), (losses, found) = (train(net, torch.float64, 20) for net in twins(spec))
    # Every step multiplies the rounding of those before by a little: from 1e-16 it grows to 1e-13 in twenty.
    assert losses == pytest.approx(wanted_losses, rel=1e-9)
    assert_same(found, wanted, 1e-9)
    assert wanted_losses[0] != pytest.approx(wanted_losses[-1], rel=1e-2)


@every_trained_space
def test_twenty_training_steps_in_float32_have_nearly_the_same_losses(space: SearchSpace) -> None:
    (wanted, _), (found, _) = (train(net, torch.float32, 20) for net in twins(small_spec(space)))
    # Rounding starts at 1e-7 here and grows as in float64, and a maximum or a ReLU may fall on the other side.
    assert found[:4] == pytest.approx(wanted[:4], rel=1e-4)
    assert found == pytest.approx(wanted, rel=1e-2)


@every_space
def test_the_same_seed_gives_both_engines_the_same_weights_under_the_same_names(space: SearchSpace) -> None:
    spec = small_spec(space, width=8, mixing=Mixing(4, auxiliary_skip=True, attention=("nor_conv_1x1",)))
    states = []
    for engine in (ReferenceSupernet, FusedSupernet):
        with torch.random.fork_rng():
            torch.manual_seed(11)
            states.append(engine(spec).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@every_small_space
def test_either_engine_loads_the_others_weights(space: SearchSpace) -> None:
    spec = small_spec(space)
    question = ask(spec)
    for first, second in [(0, 1), (1, 0)]:
        source, target = twins(spec, seed=1)[first], twins(spec, seed=2)[second]
        target.load_state_dict(source.state_dict(), strict=True)
        assert_same(answer(target, question), answer(source, question))


@every_small_space
@pytest.mark.parametrize("used_before", [False, True])
def test_a_copy_runs_on_its_own_weights(space: SearchSpace, used_before: bool) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    if used_before:
        fused(question.images, question.gates)
    twin = copy.deepcopy(fused)
    with torch.no_grad():
        for weight in fused.parameters():
            weight.zero_()
    assert_same(answer(twin, question), answer(reference, question))


@every_small_space
def test_a_forward_and_backward_pass_leaves_images_gates_and_weights_as_they_were(space: SearchSpace) -> None:
    spec = small_spec(space)
    _, fused = twins(spec)
    question = ask(spec)
    tensors = [question.images, *question.gates.values(), *fused.state_dict().values()]
    before = [tensor.clone() for tensor in tensors]
    answer(fused, question)
    assert all(torch.equal(old, new) for old, new in zip(before, tensors, strict=True))
