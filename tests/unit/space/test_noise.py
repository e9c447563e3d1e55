"""Networks with noise: reproducible in training and tests, and never compiled."""

import pytest
import torch

from dartboard.errors import SettingsError
from dartboard.space import CellGenotype, Choice, DropPath, Genotype, Network, get_space, network_cost
from dartboard.training.compiled import compile_forward

SPACE = get_space("robust-s4:nodes=1")
PLAN = SPACE.plan(in_channels=1, num_classes=3, init_channels=4, layers=3)
IMAGES = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def noisy(attention: str = "") -> Network:
    cell = CellGenotype((Choice(2, 0, "sep_conv_3x3"), Choice(2, 1, "noise", attention)), (2,))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(SPACE, Genotype(SPACE.name, (("normal", cell), ("reduce", cell))), PLAN)


def trained(network: Network, seed: int, probability: float) -> torch.Tensor:
    return network.train()(IMAGES, DropPath(probability, torch.Generator().manual_seed(seed)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("attention", ["", "squeeze_excite"])
@pytest.mark.parametrize("probability", [0.0, 0.3])
def test_training_draws_from_the_generator_of_drop_path(attention: str, probability: float) -> None:
    network = noisy(attention)
    assert trained(network, 1, probability).equal(trained(network, 1, probability))
    assert not trained(network, 1, probability).equal(trained(network, 2, probability))


def test_a_tested_network_is_a_function_of_its_images_and_leaves_torchs_generator_alone() -> None:
    network, state = noisy().eval(), torch.random.get_rng_state()
    assert network(IMAGES).equal(network(IMAGES))
    assert torch.random.get_rng_state().equal(state)


def test_noise_costs_nothing() -> None:
    cell = CellGenotype((Choice(2, 0, "sep_conv_3x3"),), (2,))
    quiet = Genotype(SPACE.name, (("normal", cell), ("reduce", cell)))
    network = noisy()
    assert network_cost(SPACE, quiet, PLAN, (8, 8)).parameters == sum(each.numel() for each in network.parameters())


def test_noise_is_never_compiled() -> None:
    with pytest.raises(SettingsError, match=r"a network with noise cannot be compiled; set train\.compile=false"):
        compile_forward(noisy())
