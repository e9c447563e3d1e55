"""Plain networks whose units change places, and edges that do so in single cells."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from dartboard.engine.finished.analyses.exchanges import cell_exchanges, exchanged
from dartboard.engine.finished.analyses.plain_networks import (
    PlainNetwork,
    check_plain,
    exchanged_units,
    resnet56,
    swappable,
    vgg19_bn,
)
from dartboard.engine.finished.analyses.shuffling import Shuffling
from dartboard.errors import SettingsError
from dartboard.space import get_space
from dartboard.supernet import by_place

from .test_analyses import bits, make_supernet


class Refining(nn.Module):
    """A residual unit whose branch is scaled."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.branch, self.scale = nn.Conv2d(channels, channels, 3, padding=1), scale

    def forward(self, x: Tensor) -> Tensor:
        """Add the scaled branch."""
        return x + self.scale * self.branch(x)


def refining(scale: float) -> PlainNetwork:
    """One stage of four residual units."""
    torch.manual_seed(0)
    units = [Refining(4, scale) for _ in range(4)]
    return PlainNetwork(nn.Conv2d(1, 4, 3, padding=1), [units], nn.Identity(), 4, 3)


def images(channels: int = 1, side: int = 8) -> Tensor:
    return torch.randn(3, channels, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("side", [8, 32])
def test_units_that_can_change_places_are_those_of_the_paper(side: int) -> None:
    with torch.device("cpu"), torch.random.fork_rng():
        vgg, resnet = vgg19_bn(3, 10), resnet56(3, 10)
    image = torch.zeros(3, side, side)
    assert [len(units) for units in swappable(vgg, image)] == [1, 1, 3, 3, 4]
    assert [len(units) for units in swappable(resnet, image)] == [9, 8, 8]
    assert resnet(image[None]).shape == vgg.eval()(image[None]).shape == (1, 10)
    # 55 convolutions and a linear layer; 16 convolutions and a linear layer.
    convolutions = [sum(isinstance(module, nn.Conv2d) for module in each.modules()) for each in (resnet, vgg)]
    assert convolutions == [55, 16]


def test_an_exchange_moves_units_with_their_averages_and_is_undone_bit_for_bit() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = resnet56(1, 3).train()
        network(images())  # running averages that differ
        network.eval()
        before, plain = bits(network), network(images())
        by_hand = copy.deepcopy(network)
    units = by_hand.stages[1]
    units[2], units[5] = units[5], units[2]
    with exchanged_units(network, [(1, 2, 5)]):
        moved = network(images())
    assert torch.equal(moved, by_hand(images()))
    assert not torch.equal(moved, plain)
    assert all(map(torch.equal, bits(network), before))
    with exchanged_units(network, [(1, 2, 5), (1, 2, 5)]):
        assert torch.equal(network(images()), plain)


def test_exchanging_equal_units_changes_nothing() -> None:
    network = refining(1.0)
    network.stages[0][3].load_state_dict(network.stages[0][1].state_dict())
    plain = network(images())
    with exchanged_units(network, [(0, 1, 3)]):
        assert torch.equal(network(images()), plain)


def test_units_that_hardly_change_their_input_can_stand_in_any_order() -> None:
    differences = []
    for scale in (1.0, 1e-1, 1e-2):
        network = refining(scale)
        plain = network(images())
        with exchanged_units(network, [(0, 0, 3)]):
            differences.append(float((network(images()) - plain).norm().detach()))
    # The order matters only in the second order of the scale.
    assert differences[1] < 0.03 * differences[0]
    assert differences[2] < 0.03 * differences[1]


def test_an_unknown_plain_network_is_refused() -> None:
    with pytest.raises(SettingsError, match="there is no plain network 'vgg19' to shuffle, only vgg19_bn and resnet56"):
        check_plain("vgg19")
    with pytest.raises(SettingsError, match="no plain network 'alexnet'"):
        Shuffling(networks=("alexnet",)).refuse(get_space("nas-bench-201"))


def test_every_cell_exchanges_edges_of_its_own() -> None:
    supernet, gates, batch = make_supernet("darts", 3)
    groups = cell_exchanges(supernet)
    assert [len(group) for group in groups] == [math.comb(14, 2), *[math.comb(8, 2) + math.comb(6, 2)] * 2]
    chosen = [next(each for each in group if each.rows == (0, 3)) for group in groups[1:]]
    assert [each.name for each in chosen] == ["cell 2, edges 0-2 and 1-3", "cell 3, edges 0-2 and 1-3"]
    moved = copy.deepcopy(supernet)
    plain = supernet(batch, gates)
    run, put = exchanged(supernet, gates, chosen[:1])
    edges = moved.backbone.blocks[1].edges
    edges[0], edges[3] = edges[3], edges[0]
    placed = {name: gate.clone() for name, gate in by_place(gates, supernet.spec.cell_counts).items()}
    placed["reduce"][0] = placed["reduce"][0][[3, 1, 2, 0, *range(4, 14)]]
    assert torch.equal(run(batch, put), moved(batch, placed))
    assert not torch.allclose(run(batch, put), plain)
    run, put = exchanged(supernet, gates, [chosen[0], chosen[0]])
    torch.testing.assert_close(run(batch, put), plain)


def test_exchanging_edges_of_all_cells_one_by_one_is_exchanging_those_of_the_kind() -> None:
    supernet, gates, batch = make_supernet("nas-bench-201", 1)
    chosen = [next(each for each in group if each.rows == (1, 5)) for group in cell_exchanges(supernet)]
    run, put = exchanged(supernet, gates, chosen)
    moved = copy.deepcopy(supernet)
    for _, cell in moved.cells():
        cell.edges[1], cell.edges[5] = cell.edges[5], cell.edges[1]
    torch.testing.assert_close(run(batch, put), moved(batch, {"cell": gates["cell"][[0, 5, 2, 3, 4, 1]]}))
