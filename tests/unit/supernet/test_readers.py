"""Readers of the maps inside of the cells, in both engines."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor

from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec


class Kept:
    """Keeps all that it sees."""

    def __init__(self) -> None:
        self.edges: dict[tuple[int, int], tuple[Tensor, dict[str, Tensor], Tensor]] = {}
        self.cells: dict[int, tuple[Tensor, ...]] = {}

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:
        """Keep the maps of an edge."""
        self.edges[block, row] = x, dict(outputs), mixed

    def cell(self, block: int, states: Sequence[Tensor]) -> None:
        """Keep the maps of the nodes."""
        self.cells[block] = tuple(states)


@pytest.mark.parametrize("mixing", [Mixing(), Mixing(channel_share=2)], ids=["whole", "partial"])
@pytest.mark.parametrize("engine", [ReferenceSupernet, FusedSupernet])
def test_a_reader_sees_what_the_cells_compute_and_changes_nothing(
    engine: type[ReferenceSupernet], mixing: Mixing
) -> None:
    space = get_space("nas-bench-201")
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=2, image_size=(8, 8))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        supernet = engine(SupernetSpec(space, plan, mixing)).double()
    draw = torch.Generator().manual_seed(1)
    gates = {"cell": torch.rand(space.alpha_shape, dtype=torch.float64, generator=draw)}
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64, generator=draw)
    kept, plain = Kept(), supernet(images, gates)
    read = supernet(images, gates, reader=kept)
    if engine is ReferenceSupernet:
        assert torch.equal(read, plain)
    else:  # the fast engine reads by its slow twin
        torch.testing.assert_close(read, plain)
    columns = supernet.spec.space.ops
    assert list(kept.cells) == [block for block, _ in supernet.cells()] == [0, 1, 3, 4, 6, 7]
    for block, cell in supernet.cells():
        states = kept.cells[block]
        for row, edge in enumerate(cell.topology.edges):
            x, outputs, mixed = kept.edges[block, row]
            assert torch.equal(x, states[edge.source][:, : x.shape[1]])
            weighted = (gates["cell"][row, columns.index(op)] * output for op, output in outputs.items())
            torch.testing.assert_close(sum(weighted), mixed)
        if mixing.channel_share == 1:
            arriving = [kept.edges[block, row][2] for row in cell.topology.incoming(3)]
            torch.testing.assert_close(sum(arriving), states[3])
