"""Gradients through a hypernetwork against closed forms, finite differences and DARTS, in real steps of a search."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings
from dartboard.engine.stage import StageSearch
from dartboard.parts import (
    AdamUpdate,
    AdversarialPerturbation,
    DenseHypernetwork,
    EmbeddingHypernetwork,
    FirstOrder,
    Recipe,
)
from dartboard.parts.architecture import all_live
from dartboard.parts.gradient import differentiate
from dartboard.parts.hypernetworks.protocol import Hypernetwork
from dartboard.runs import Length, Observer
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet
from numerics.engines import SMALL_SPACES, build, relative_error, small_spec

SPACE = SMALL_SPACES[0]
ENGINES = [ReferenceSupernet, FusedSupernet]
NETWORKS: list[Hypernetwork] = [DenseHypernetwork(), DenseHypernetwork("sigmoid"), EmbeddingHypernetwork(size=3)]
DARTS = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=0.01))
PLAIN = SearchSettings(weight_lr=0.1, weight_decay=0.03, grad_clip=None)
each_engine = pytest.mark.parametrize("engine", ENGINES)
each_network = pytest.mark.parametrize("network", NETWORKS, ids=["linear", "two-layer", "embedding"])


def draw_batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(4, 2, 8, 8, generator=generator, dtype=torch.float64)
    return Batch(images, torch.randint(3, (4,), generator=generator))


@dataclass
class Same:
    """One batch, over and over."""

    batch: Batch

    def __len__(self) -> int:
        return 1

    def epoch(self, _generator: torch.Generator) -> Iterator[Batch]:
        return iter([self.batch])

    def forever(self, _generator: torch.Generator) -> Iterator[Batch]:
        while True:
            yield self.batch

    def in_order(self) -> Iterator[Batch]:
        return iter([self.batch])


WEIGHTS, ALPHAS, SCORED = draw_batch(0), draw_batch(1), draw_batch(2)


def begin(
    recipe: Recipe, engine: type[ReferenceSupernet] = FusedSupernet, settings: SearchSettings = PLAIN
) -> StageSearch:
    """A search in float64 before its first step; all engines start with the same weights, alphas far from zero."""
    spec = small_spec(SPACE, width=4, mixing=recipe.mixing)
    given = SearchBatches(Same(WEIGHTS), Same(ALPHAS), Same(SCORED))
    problem = SearchProblem(SPACE, lambda _: build(engine, spec), lambda _: given, torch.device("cpu"))
    search = StageSearch(problem, recipe, settings, 0, (0, 4), Length(4, 1), 0, all_live(SPACE))
    if search.state.hypernetwork:
        search.state.hypernetwork.double()
    for alpha in search.state.alphas.values():
        alpha.data = 300 * alpha.data.double()
    return search


def with_network(network: Hypernetwork) -> Recipe:
    return replace(DARTS, hypernetwork=network)


def after_a_step(network: Hypernetwork, engine: type[ReferenceSupernet] = FusedSupernet) -> StageSearch:
    search = begin(with_network(network), engine)
    search.run_epoch(Observer())
    return search


def alpha_gradient(search: StageSearch) -> dict[str, Tensor]:
    """What the next alpha step would use."""
    problem = search.state.problem
    assert problem is not None
    return FirstOrder()(problem)


def at_fixed_weights(search: StageSearch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of the alphas' loss for alphas and for the made weights, the latter taken for independent."""
    state = search.state
    assert state.hypernetwork is not None
    state.write_generated()
    made = {
        name: state.supernet.get_parameter(name).detach().clone().requires_grad_() for name in state.hypernetwork.names
    }
    gates = state.architecture.draw(state.alphas, torch.Generator(), of_alpha=True).gates
    logits = functional_call(state.supernet, made, (ALPHAS.images, gates))
    found = differentiate(functional.cross_entropy(logits, ALPHAS.labels), {**state.alphas, **made})
    return {kind: found[kind] for kind in state.alphas}, {name: found[name] for name in made}


@each_engine
@each_network
def test_the_gradient_of_alpha_is_that_of_finite_differences(network, engine) -> None:
    search = after_a_step(network, engine)
    state, problem, radius = search.state, search.state.problem, 1e-6
    assert problem is not None
    found = alpha_gradient(search)
    generator = torch.Generator().manual_seed(3)
    for _ in range(3):
        direction = {
            kind: torch.randn(alpha.shape, generator=generator, dtype=alpha.dtype)
            for kind, alpha in state.alphas.items()
        }
        with torch.no_grad():
            ahead, behind = (
                problem.validation_loss(
                    state.weights, {kind: alpha + sign * direction[kind] for kind, alpha in state.alphas.items()}
                )
                for sign in (radius, -radius)
            )
        wanted = (ahead - behind) / (2 * radius)
        slope = sum((found[kind] * direction[kind]).sum() for kind in found)
        # A central difference of radius 1e-6 of losses of size 1 in float64: 1e-10 of rounding, 1e-12 of truncation.
        assert float(slope) == pytest.approx(float(wanted), rel=1e-5, abs=1e-8)


@each_engine
def test_the_response_through_a_linear_network_is_its_transposed_matrix_times_the_weights_gradient(engine) -> None:
    search = after_a_step(DenseHypernetwork(direct_gradient=False), engine)
    found, (_, at_weights) = alpha_gradient(search), at_fixed_weights(search)
    network = search.state.hypernetwork
    assert network is not None
    for kind, part in network.parts.items():
        slope = torch.cat([at_weights[name].flatten() for name in part.names])
        assert relative_error(found[kind].flatten(), part.weight.T @ slope) < 1e-9


@each_network
def test_the_whole_gradient_is_the_direct_one_and_the_response(network) -> None:
    searches = []
    for part in (network, replace(network, direct_gradient=False)):
        still = replace(with_network(part), update=AdamUpdate(lr=0.0))
        searches.append(begin(still, settings=SearchSettings(weight_lr=0.0, weight_lr_min=0.0)))
        searches[-1].run_epoch(Observer())
    direct, _ = at_fixed_weights(searches[0])
    both, response = (alpha_gradient(search) for search in searches)
    for kind in direct:
        assert relative_error(both[kind], direct[kind] + response[kind]) < 1e-9
        # Otherwise one of the two would not be missed.
        assert min(direct[kind].norm(), response[kind].norm()) > 1e-6 * both[kind].norm()


def zero_matrices(search: StageSearch) -> StageSearch:
    """A linear network that makes its bias, whatever alpha."""
    assert search.state.hypernetwork is not None
    with torch.no_grad():
        for part in search.state.hypernetwork.parts.values():
            part.weight.zero_()
    return search


@each_engine
def test_a_network_blind_to_alpha_gives_the_first_order_gradient_of_darts(engine) -> None:
    search = zero_matrices(after_a_step(DenseHypernetwork(), engine))
    found, (wanted, _) = alpha_gradient(search), at_fixed_weights(search)
    for kind, gradient in found.items():
        assert relative_error(gradient, wanted[kind]) < 1e-9


@each_engine
def test_a_network_blind_to_alpha_without_the_direct_term_gives_nothing(engine) -> None:
    search = zero_matrices(after_a_step(DenseHypernetwork(direct_gradient=False), engine))
    assert all((gradient == 0).all() for gradient in alpha_gradient(search).values())


@each_engine
def test_a_network_blind_to_alpha_moves_its_bias_as_darts_moves_the_weights(engine) -> None:
    darts, search = begin(DARTS, engine), zero_matrices(begin(with_network(DenseHypernetwork()), engine))
    before = {name: weight.detach().clone() for name, weight in darts.state.weights.items()}
    for each in (darts, search):
        each.run_epoch(Observer())
    network = search.state.hypernetwork
    assert network is not None
    found = dict(search.state.weights)
    for part in network.parts.values():
        pieces = part.bias.split([before[name].numel() for name in part.names])
        found |= {name: piece.view_as(before[name]) for name, piece in zip(part.names, pieces, strict=True)}
    for name, weight in darts.state.weights.items():
        assert not torch.equal(weight, before[name])
        torch.testing.assert_close(found[name], weight, rtol=0, atol=1e-12)
    for kind, alpha in darts.state.alphas.items():
        torch.testing.assert_close(search.state.alphas[kind], alpha, rtol=0, atol=1e-9)


@each_network
def test_both_engines_take_the_same_steps(network) -> None:
    reference, fused = (after_a_step(network, engine).state for engine in ENGINES)
    for name, weight in reference.weights.items():
        torch.testing.assert_close(fused.weights[name], weight, rtol=0, atol=1e-9)


@each_network
def test_a_step_moves_the_network_and_the_weights_outside_of_operations_and_nothing_else(network) -> None:
    search = begin(with_network(network))
    state = search.state
    before = {name: weight.detach().clone() for name, weight in state.weights.items()}
    search.run_epoch(Observer())
    assert all(not torch.equal(weight, before[name]) for name, weight in state.weights.items())
    held = {id(weight) for group in state.weight_optimizer.param_groups for weight in group["params"]}
    assert held == {id(weight) for weight in state.weights.values()}
    assert state.hypernetwork is not None
    for name in state.hypernetwork.names:
        placeholder = state.supernet.get_parameter(name)
        assert id(placeholder) not in held
        assert not placeholder.requires_grad
        assert placeholder.grad is None


@each_network
def test_the_supernet_is_scored_with_the_weights_that_the_network_makes_then(network) -> None:
    search = begin(with_network(network))
    event = search.run_epoch(Observer())
    state = search.state
    made = state.supernet_weights(state.weights, state.alphas)
    gates = state.architecture.mean_gates(state.alphas)
    logits = functional_call(state.supernet, dict(made), (SCORED.images, gates))
    assert event.validation_loss == pytest.approx(functional.cross_entropy(logits, SCORED.labels).item(), abs=1e-12)


@each_network
def test_a_checkpoint_holds_the_network_and_the_weights_that_it_makes(network) -> None:
    search, other = after_a_step(network), begin(with_network(network))
    other.state.load_state_dict(search.state.state_dict())
    assert other.state.hypernetwork is not None
    made = other.state.hypernetwork(other.state.alphas)
    for name, weight in search.state.weights.items():
        assert torch.equal(other.state.weights[name], weight)
    for name, weight in made.items():
        torch.testing.assert_close(other.state.supernet.get_parameter(name), weight, rtol=0, atol=0)


def test_a_checkpoint_of_a_search_without_a_network_is_as_before() -> None:
    assert "hypernetwork" not in begin(DARTS).state.state_dict()


@each_network
def test_partial_channels_auxiliary_skips_and_shaken_gates_go_with_a_network(network) -> None:
    mixing = Mixing(channel_share=2, auxiliary_skip=True)
    recipe = replace(with_network(network), mixing=mixing, perturbation=AdversarialPerturbation(steps=2))
    search = begin(recipe)
    event = search.run_epoch(Observer())
    assert event.weight_loss > 0
    assert search.state.hypernetwork is not None
    assert not [name for name in search.state.hypernetwork.names if ".edges." not in name]
    assert [name for name in search.state.weights if ".auxiliary." in name]
