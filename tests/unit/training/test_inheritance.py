"""Weights that a network takes from a supernet, against the supernet and against their definition."""

from itertools import count

import pytest
import torch
from torch import Tensor, nn

from dartboard.errors import SettingsError
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.runs import make_generator
from dartboard.space import Genotype, Network, get_space
from dartboard.supernet import ReferenceSupernet, SupernetSpec, path_weights
from dartboard.training.inheritance import find_misfit, inherit_weights, recalibrate

SIZES = {"nas-bench-201": (4, 1), "darts": (4, 3), "conv-stages": (4, 9), "proxyless": (8, 21), "robust-s2": (4, 3)}
SIDE = 16


def spec_of(name: str, *, wider: int = 1) -> SupernetSpec:
    space, (channels, layers) = get_space(name), SIZES[name]
    plan = space.plan(
        in_channels=3, num_classes=3, init_channels=wider * channels, layers=layers, image_size=(SIDE, SIDE)
    )
    return SupernetSpec(space, plan)


def drawn(spec: SupernetSpec) -> Genotype:
    """A random architecture without poolings, behind which some supernets have norms and networks have none."""
    found = (UniformlyRandom()(spec.space, {}, make_generator(seed)) for seed in count())
    return next(each for each in found if not spec.space.normalized_ops & each.operation_counts.keys())


def supernet_of(spec: SupernetSpec) -> ReferenceSupernet:
    """A supernet whose weights differ from those that a network draws, scales and shifts included."""
    supernet = ReferenceSupernet(spec)
    with torch.no_grad():
        for weight in supernet.parameters():
            weight.add_(0.1 * torch.rand(weight.shape, generator=make_generator(2)))
    return supernet


def network_of(spec: SupernetSpec, genotype: Genotype | None = None, *, auxiliary: bool = False) -> Network:
    return Network(spec.space, genotype or drawn(spec), spec.plan, auxiliary=auxiliary)


def one_hot(spec: SupernetSpec, genotype: Genotype) -> dict[str, Tensor]:
    gates = {kind: torch.zeros(shape) for kind, shape in spec.gate_shapes.items()}
    for kind, cell in genotype.cells:
        for choice in cell.choices:
            gates[kind][spec.space.cell.row(choice.target, choice.source), spec.space.ops.index(choice.op)] = 1.0
    return gates


def images(seed: int = 3) -> Tensor:
    return torch.randn(8, 3, SIDE, SIDE, generator=make_generator(seed))


def norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]


def statistics(network: nn.Module) -> list[Tensor]:
    return [each.clone() for norm in norms(network) for each in (norm.running_mean, norm.running_var)]


@pytest.mark.parametrize("name", SIZES)
def test_on_the_same_batch_the_network_gives_the_logits_of_the_supernet_with_its_gates(name: str) -> None:
    spec = spec_of(name)
    genotype = drawn(spec)
    supernet, network = supernet_of(spec).train(), network_of(spec, genotype, auxiliary=True).train()
    before = network(images())
    weights = path_weights(supernet.state_dict(), spec, genotype)
    assert find_misfit(network, weights) == ""
    inherit_weights(network, weights)
    wanted = supernet(images(), one_hot(spec, genotype))
    # Single precision; what the network drew gives other logits.
    torch.testing.assert_close(network(images()), wanted, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(before, wanted, atol=1e-2)


def test_statistics_are_the_means_over_the_batches() -> None:
    network = network_of(spec_of("nas-bench-201"))
    batches = [images(seed) for seed in range(3)]
    recalibrate(network, batches)
    stem = network.backbone.stem
    maps = [stem.convolution(batch).detach() for batch in batches]  # type: ignore[operator]
    mean = torch.stack([each.mean(dim=(0, 2, 3)) for each in maps]).mean(dim=0)
    variance = torch.stack([each.var(dim=(0, 2, 3)) for each in maps]).mean(dim=0)
    torch.testing.assert_close(stem.norm.running_mean, mean)  # type: ignore[union-attr]
    torch.testing.assert_close(stem.norm.running_var, variance)  # type: ignore[union-attr]


def test_calibrating_twice_is_calibrating_once_and_nothing_else_changes() -> None:
    network = network_of(spec_of("darts")).eval()
    weights = [weight.clone() for weight in network.parameters()]
    for norm in norms(network):
        norm.momentum = 0.3
    first, fresh = [images(1), images(2)], statistics(network)
    recalibrate(network, first)
    once = statistics(network)
    recalibrate(network, first)
    assert all(map(torch.equal, once, statistics(network)))
    assert not any(map(torch.equal, once, fresh))
    assert all(map(torch.equal, weights, network.parameters()))
    assert {norm.momentum for norm in norms(network)} == {0.3}
    assert not network.training


def test_all_noise_and_no_inheritance_is_what_was_drawn_bit_for_bit() -> None:
    spec = spec_of("nas-bench-201")
    network, weights = network_of(spec), path_weights(supernet_of(spec).state_dict(), spec, drawn(spec))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    inherit_weights(network, weights, shrink=0.0, noise=1.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_shrunk_weights_have_a_share_of_what_was_drawn() -> None:
    spec = spec_of("nas-bench-201")
    network, weights = network_of(spec), path_weights(supernet_of(spec).state_dict(), spec, drawn(spec))
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    inherit_weights(network, weights, shrink=0.6, noise=0.01)
    for name, weight in network.named_parameters():
        wanted = 0.6 * weights[name] + 0.01 * before[name] if name in weights else before[name]
        torch.testing.assert_close(weight, wanted)
    assert before.keys() - weights.keys()


@pytest.mark.parametrize("name", SIZES)
def test_a_weight_of_another_shape_is_named_and_not_taken(name: str) -> None:
    spec, wider = spec_of(name), spec_of(name, wider=2)
    weights = path_weights(supernet_of(spec).state_dict(), spec, drawn(spec))
    network = network_of(wider)
    found = find_misfit(network, weights)
    named = found.split("'")[1]
    assert tuple(weights[named].shape) != tuple(network.get_parameter(named).shape)
    shapes = f"{tuple(weights[named].shape)} in the supernet and {tuple(network.get_parameter(named).shape)}"
    assert found == f"'{named}' has the shape {shapes} in the network to train"
    with pytest.raises(SettingsError, match=f"cannot be copied to the network: '{named}' has the shape"):
        inherit_weights(network, weights)


def test_a_weight_that_the_supernet_lacks_is_named() -> None:
    spec = spec_of("nas-bench-201")
    weights = path_weights(supernet_of(spec).state_dict(), spec, drawn(spec))
    del weights["backbone.classifier.bias"]
    assert find_misfit(network_of(spec), weights) == (
        "the supernet has no 'backbone.classifier.bias', which the network to train needs"
    )
