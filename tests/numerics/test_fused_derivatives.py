"""The fast engine's gradients however they are asked for, and its second derivatives, against the reference's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from dartboard.parts.gradient import Bilevel, SgdStep, Tensors, Unrolled, differentiate
from dartboard.space import SearchSpace
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec

from .engines import SMALL_SPACES, Question, answer, ask, assert_same, directions, small_spec, twins

every_space = pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
MIXING = Mixing(channel_share=2, auxiliary_skip=True, attention=("skip_connect", "nor_conv_1x1"))


class Leaves:
    """A supernet's inputs as leaves that require gradients, and a value that depends on all of them."""

    def __init__(self, supernet: ReferenceSupernet, question: Question) -> None:
        self.supernet, self.active = supernet, question.active
        self.images = question.images.clone().requires_grad_()
        self.gates = {name: gate.clone().requires_grad_() for name, gate in question.gates.items()}
        self.weights = dict(supernet.named_parameters())

    def value(self) -> Tensor:
        logits = self.supernet(self.images, self.gates, self.active)
        return (logits * directions([logits])[0]).sum()

    @property
    def groups(self) -> dict[str, dict[str, Tensor]]:
        return {
            "images": {"images": self.images},
            "gates": {f"gates {name}": gate for name, gate in self.gates.items()},
            "weights": {f"weight {name}": weight for name, weight in self.weights.items()},
        }


def gradients(value: Tensor, at: dict[str, Tensor], **options: bool) -> dict[str, Tensor]:
    found = torch.autograd.grad(value, list(at.values()), materialize_grads=True, **options)
    return dict(zip(at, found, strict=True))


def chosen(found: dict[str, Tensor], names: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: found[name] for name in names}


@every_space
def test_gradients_asked_for_in_parts_are_those_asked_for_together(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    wanted, leaves = answer(reference, question), Leaves(fused, question)
    for group in leaves.groups.values():
        assert_same(gradients(leaves.value(), group), chosen(wanted, group))
    for left, right in [("images", "gates"), ("gates", "weights"), ("weights", "images")]:
        pair = leaves.groups[left] | leaves.groups[right]
        assert_same(gradients(leaves.value(), pair), chosen(wanted, pair))


@every_space
def test_the_gradient_of_one_weight_is_the_same_without_the_others(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec, batch=2, size=(7, 7))
    wanted, leaves = answer(reference, question), Leaves(fused, question)
    value, weights = leaves.value(), leaves.groups["weights"]
    for name in list(weights)[:: len(weights) // 12]:
        assert_same(gradients(value, {name: weights[name]}, retain_graph=True), {name: wanted[name]})


@every_space
def test_inputs_that_require_no_gradient_change_nothing_for_the_others(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    wanted = answer(reference, question)
    for rest in ("images", "gates", "weights"):
        leaves = Leaves(fused, question)
        groups = leaves.groups
        for tensor in groups.pop(rest).values():
            tensor.requires_grad_(False)
        at = {name: tensor for group in groups.values() for name, tensor in group.items()}
        assert_same(gradients(leaves.value(), at), chosen(wanted, at))
        fused.requires_grad_(True)


@every_space
def test_some_frozen_weights_leave_the_gradients_of_the_others(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    wanted, leaves = answer(reference, question), Leaves(fused, question)
    for weight in list(leaves.weights.values())[::2]:
        weight.requires_grad_(False)
    at = {name: weight for name, weight in leaves.groups["weights"].items() if weight.requires_grad}
    assert_same(gradients(leaves.value(), at), chosen(wanted, at))


@every_space
def test_no_gradients_wanted_gives_the_same_logits(space: SearchSpace) -> None:
    spec = small_spec(space)
    _, fused = twins(spec)
    question = ask(spec)
    wanted = fused(question.images, question.gates)
    with torch.no_grad():
        assert torch.equal(fused(question.images, question.gates), wanted)
    with torch.inference_mode():
        assert torch.equal(fused(question.images, question.gates), wanted)


@every_space
def test_backward_fills_grad_and_adds_to_it(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    wanted, leaves = answer(reference, question), Leaves(fused, question)
    at = {name: tensor for group in leaves.groups.values() for name, tensor in group.items()}
    for times in (1, 2):
        leaves.value().backward()
        found = {name: tensor.grad for name, tensor in at.items() if tensor.grad is not None}
        assert_same(found, {name: times * wanted[name] for name in found})
        assert set(found) == set(at)


@every_space
def test_a_retained_graph_gives_the_same_gradients_twice(space: SearchSpace) -> None:
    spec = small_spec(space)
    _, fused = twins(spec)
    leaves = Leaves(fused, ask(spec))
    value = leaves.value()
    at = {name: tensor for group in leaves.groups.values() for name, tensor in group.items()}
    first = gradients(value, at, retain_graph=True)
    gates = gradients(value, leaves.groups["gates"], retain_graph=True)
    second = gradients(value, at)
    assert all(torch.equal(first[name], second[name]) for name in at)
    assert_same(gates, chosen(first, gates))


@every_space
def test_operations_that_are_not_active_get_no_gradient(space: SearchSpace) -> None:
    spec = small_spec(space)
    _, fused = twins(spec)
    edges, columns = space.alpha_shape
    # Every edge runs two operations.
    active = [[row % columns, (row + 3) % columns] for row in range(edges)]
    leaves = Leaves(fused, ask(spec)._replace(active=dict.fromkeys(space.cell_kinds, active)))
    weights = {name: weight for name, weight in leaves.weights.items() if ".edges." in name}
    value = leaves.value()
    found = torch.autograd.grad(value, list(weights.values()), allow_unused=True, retain_graph=True)
    for name, gradient in zip(weights, found, strict=True):
        _, _, _, _, row, op, *_ = name.split(".")
        assert (gradient is not None) == (space.ops.index(op) in active[int(row)]), name
    for gate in gradients(value, leaves.groups["gates"]).values():
        for row, run in enumerate(active):
            assert gate[row, [column for column in range(columns) if column not in run]].abs().sum() == 0


@every_space
def test_weights_that_changed_in_place_are_seen_by_the_next_call(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec)
    fused(question.images, question.gates)
    other, _ = twins(spec, seed=9)
    fused.load_state_dict(other.state_dict())
    assert_same(answer(fused, question), answer(other, question))
    reference_copy = {name: value.float().double() for name, value in reference.state_dict().items()}
    reference.load_state_dict(reference_copy)
    fused.float().double().load_state_dict(reference_copy)
    assert_same(answer(fused, question), answer(reference, question))


def cross_entropy(supernet: ReferenceSupernet, question: Question, labels: Tensor) -> Tensor:
    return functional.cross_entropy(supernet(question.images, question.gates, question.active), labels)


def second_derivatives(supernet: ReferenceSupernet, question: Question, names: list[str]) -> dict[str, Tensor]:
    """The Hessian of a cross-entropy in the named groups, times a random vector."""
    leaves = Leaves(supernet, question)
    at = {key: tensor for name in names for key, tensor in leaves.groups[name].items()}
    labels = torch.arange(len(question.images)) % 3
    loss = cross_entropy(supernet, question._replace(images=leaves.images, gates=leaves.gates), labels)
    first = torch.autograd.grad(loss, list(at.values()), create_graph=True, materialize_grads=True)
    along = sum((slope * way).sum() for slope, way in zip(first, directions(first, seed=6), strict=True))
    assert isinstance(along, Tensor)
    return gradients(along, at)


# Second derivatives of batch norms over few pixels divide by the third power of the deviation: 1e-8 is rounding.
SECOND = 1e-8


@every_space
@pytest.mark.parametrize("names", [["gates"], ["weights"], ["images", "gates", "weights"]], ids=lambda names: names[0])
def test_hessian_vector_products_are_the_references(space: SearchSpace, names: list[str]) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    question = ask(spec, softmax=True)
    wanted = second_derivatives(reference, question, names)
    assert_same(second_derivatives(fused, question, names), wanted, SECOND)


@every_space
def test_hessian_vector_products_in_the_gates_of_any_mixing_are_the_references(space: SearchSpace) -> None:
    spec = small_spec(space, width=4, mixing=MIXING)
    reference, fused = twins(spec)
    question = ask(spec)
    for kind in space.cell_kinds:
        question.gates[f"{kind}.edges"] = torch.linspace(0.5, 1.5, len(space.cell.edges), dtype=torch.float64)
        question.gates[f"{kind}.offset"] = torch.zeros(len(space.cell.edges), dtype=torch.float64)
    wanted = second_derivatives(reference, question, ["gates"])
    assert_same(second_derivatives(fused, question, ["gates"]), wanted, SECOND)


@every_space
def test_hessian_vector_products_of_single_paths_are_the_references(space: SearchSpace) -> None:
    spec = small_spec(space)
    reference, fused = twins(spec)
    edges, columns = space.alpha_shape
    active = [[(2 + row) % columns] if row % 4 else [] for row in range(edges)]
    question = ask(spec)._replace(active=dict.fromkeys(space.cell_kinds, active))
    wanted = second_derivatives(reference, question, ["gates"])
    assert_same(second_derivatives(fused, question, ["gates"]), wanted, SECOND)


def bilevel(supernet: nn.Module, spec: SupernetSpec, weights: Tensors) -> Bilevel:
    """One step of a search: softmax gates, cross-entropy, weights from outside."""
    labels = torch.tensor([0, 1, 2, 1])

    def loss(seed: int) -> Callable[[Tensors, Tensors], Tensor]:
        images = ask(spec, batch=4, seed=seed).images

        def mean_loss(weights: Tensors, alphas: Tensors) -> Tensor:
            gates = {kind: alpha.softmax(dim=-1) for kind, alpha in alphas.items()}
            return functional.cross_entropy(functional_call(supernet, dict(weights), (images, gates)), labels)

        return mean_loss

    alphas = {kind: alpha.requires_grad_() for kind, alpha in ask(spec, seed=7).gates.items()}
    # A large step, so that the second derivatives weigh as much as the first.
    return Bilevel(weights, alphas, loss(1), loss(2), SgdStep(lr=0.5, momentum=0.9, weight_decay=3e-4, velocity={}))


@every_space
@pytest.mark.parametrize("way", ["exact", "finite-difference"])
def test_unrolled_gradients_are_the_references(space: SearchSpace, way: str) -> None:
    spec = small_spec(space)
    gradient = Unrolled(second_derivative="exact" if way == "exact" else "finite-difference")
    wanted, found = (gradient(bilevel(net, spec, dict(net.named_parameters()))) for net in twins(spec))
    # The finite difference divides the rounding of two gradients by a probe of 0.01.
    assert_same(found, wanted, SECOND if way == "exact" else 1e-7)


def test_the_exact_unrolled_gradient_has_a_second_order_part_that_counts() -> None:
    spec = small_spec(SMALL_SPACES[0])
    _, fused = twins(spec)
    problem = bilevel(fused, spec, dict(fused.named_parameters()))
    exact = Unrolled(second_derivative="exact")(problem)["normal"]
    slope = differentiate(problem.train_loss(problem.weights, problem.alphas), problem.weights)
    moved = problem.weight_step(problem.weights, slope)
    direct = differentiate(problem.validation_loss(moved, problem.alphas), problem.alphas)["normal"]
    assert (exact - direct).norm() > 0.01 * direct.norm()


@every_space
def test_gradients_reach_a_network_that_makes_the_weights(space: SearchSpace) -> None:
    spec = small_spec(space)
    question = ask(spec)

    def through(supernet: ReferenceSupernet) -> dict[str, Tensor]:
        names, shapes = zip(*((name, weight.shape) for name, weight in supernet.named_parameters()), strict=True)
        sizes = [shape.numel() for shape in shapes]
        generator = torch.Generator().manual_seed(8)
        matrix = torch.randn(sum(sizes), 3, generator=generator, dtype=torch.float64) / 2
        at = {"matrix": matrix.requires_grad_(), "code": torch.ones(3, dtype=torch.float64, requires_grad=True)}
        made = (at["matrix"] @ at["code"]).split(sizes)
        weights = {name: part.view(shape) for name, part, shape in zip(names, made, shapes, strict=True)}
        logits = functional_call(supernet, weights, (question.images, question.gates))
        loss = functional.cross_entropy(logits, torch.tensor([0, 1, 2]))
        first = gradients(loss, at, create_graph=True)
        second = gradients((first["code"] ** 2).sum(), at)
        return {"logits": logits.detach(), **first, **{f"second {name}": found for name, found in second.items()}}

    reference, fused = twins(spec)
    assert_same(through(fused), through(reference), SECOND)
    assert all(weight.grad is None for weight in fused.parameters())
