"""The table of blocks: its arithmetic, what it keeps, and devices that cannot be timed. Nothing here is timed."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import nn

from dartboard.errors import SettingsError
from dartboard.estimate.latency import BlockTimes, check_timed, latency_table, machine
from dartboard.parts.selection import UniformlyRandom
from dartboard.space import Genotype, Network, get_space, parse_genotype

MACHINE = machine(torch.device("cpu"), "a processor")


class Counted:
    """A timer for which a block takes a second for every million of values that it reads, and a whole network 100."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, module: nn.Module, shape: tuple[int, ...]) -> float:
        self.asked.append(shape)
        if isinstance(module, Network):
            return 100.0
        module.eval()(torch.zeros(shape))  # the block takes what it is timed on
        return float(torch.Size(shape).numel()) / 1e6


@pytest.mark.parametrize("name", ["nas-bench-201", "darts", "proxyless"])
def test_a_network_takes_what_its_operations_take_and_what_stands_around_them(name: str) -> None:
    space, timer = get_space(name), Counted()
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=space.small_size[1])
    table = latency_table(space, plan, (32, 32), 2, BlockTimes(timer, None, MACHINE))
    genotype = UniformlyRandom()(space, {}, torch.Generator().manual_seed(0))
    by_hand = table.fixed
    for kind, cell in genotype.cells:
        for choice in cell.choices:
            row = space.cell.row(choice.target, choice.source)
            by_hand += table.operations[kind][row][space.ops.index(choice.op)]
    assert table.network(genotype) == pytest.approx(by_hand)
    assert 0 < table.fixed <= 100
    assert len(timer.asked) < len(space.ops) * len(space.cell.edges) * len(plan.places)  # equal blocks only once


def test_operations_are_scaled_to_what_they_take_inside_networks() -> None:
    """A timer for which operations take two to four times their own time in a network, and its rest 5 seconds."""
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=2)
    own = {"avg_pool_3x3": 1.0, "nor_conv_1x1": 2.0, "nor_conv_3x3": 4.0, "skip_connect": 0.0, "none": 0.5}

    factor = {"avg_pool_3x3": 2.0, "nor_conv_1x1": 3.0, "nor_conv_3x3": 4.0, "skip_connect": 1.0, "none": 1.0}

    def of(genotype: Genotype) -> float:
        return 5 + sum(3 * 2 * factor[each.op] * own.get(each.op, 0.0) for each in genotype["cell"].choices)

    class Known(BlockTimes):
        def seconds(self, block: str, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> float:  # noqa: ARG002
            text = next((part for part in block.split() if "|" in part), None)
            return own[block.split()[0]] if text is None else of(parse_genotype(text, space.name))

    table = latency_table(space, plan, (8, 8), 1, Known(Counted(), None, MACHINE))
    assert table.fixed == pytest.approx(5)
    for seed in range(3):
        genotype = UniformlyRandom()(space, {}, torch.Generator().manual_seed(seed))
        assert table.network(genotype) == pytest.approx(of(genotype))


def test_every_cell_of_a_kind_counts() -> None:
    """Five cells of 16 channels at full size: an identity on 16 x 32 x 32 values, in a batch of 2."""
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=3, num_classes=10, init_channels=16, layers=5)
    table = latency_table(space, plan, (32, 32), 2, BlockTimes(Counted(), None, MACHINE))
    values = 2 * 16 * 32 * 32
    expected = 5 * (values + values / 2 + values / 4) / 1e6
    skip = space.ops.index("skip_connect")
    assert [row[skip] for row in table.operations["cell"]] == pytest.approx([expected] * 6)


def test_a_block_is_measured_once_for_a_machine(tmp_path: Path) -> None:
    numbers = count(1)

    def timer(_module: nn.Module, _shape: tuple[int, ...]) -> float:
        return float(next(numbers))

    first = BlockTimes(timer, tmp_path, MACHINE)
    assert [first.seconds(each, nn.Identity, (1,)) for each in ("a", "b", "a")] == [1.0, 2.0, 1.0]
    first.keep()
    assert BlockTimes(timer, tmp_path, MACHINE).seconds("b", nn.Identity, (1,)) == 2.0
    assert BlockTimes(timer, tmp_path, {**MACHINE, "threads": 99}).seconds("b", nn.Identity, (1,)) == 3.0
    [file] = tmp_path.iterdir()
    file.write_text("{", encoding="utf-8")  # a damaged file is measured anew
    assert BlockTimes(timer, tmp_path, MACHINE).seconds("b", nn.Identity, (1,)) == 4.0


def test_a_device_that_cannot_be_timed_is_refused() -> None:
    with pytest.raises(SettingsError, match="'meta' is not one; take --device cpu"):
        check_timed(torch.device("meta"))
    check_timed(torch.device("cpu"))
