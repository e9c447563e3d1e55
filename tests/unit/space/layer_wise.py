"""What holds of every layer-wise space: checks that the tests of each of them call."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from dartboard.space import Genotype, Network
from dartboard.supernet import ReferenceSupernet, SupernetSpec, path_weights
from dartboard.supernet.cost import pieces_of_step

__all__ = ["check_one_hot_gates", "check_work_of_a_step"]

_NORM_STATE = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def check_work_of_a_step(spec: SupernetSpec, size: tuple[int, int]) -> None:
    """The pieces of a step on gray images (height, width) hold all weights and multiply-adds of the supernet."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        supernet = ReferenceSupernet(spec)
        gates = {kind: torch.empty(spec.space.alpha_shape) for kind in spec.space.cell_kinds}
        supernet(torch.empty(2, 1, *size), gates)
    pieces = list(pieces_of_step(spec, 2, size))
    assert sum(piece.parameters for piece in pieces) == sum(parameter.numel() for parameter in supernet.parameters())
    assert 2 * sum(piece.multiply_adds for piece in pieces) == counter.get_total_flops()


def check_one_hot_gates(spec: SupernetSpec, genotype: Genotype, size: tuple[int, int]) -> None:
    """With the gates of the genotype, the supernet is the network of the genotype on gray images (height, width)."""
    supernet = ReferenceSupernet(spec).double()
    gates = {
        kind: torch.tensor([[float(name == cell.choices[0].op) for name in spec.space.ops]], dtype=torch.float64)
        for kind, cell in genotype.cells
    }
    network = Network(spec.space, genotype, spec.plan).double().train()
    left = network.load_state_dict(path_weights(supernet.state_dict(), spec, genotype), strict=False)
    assert not left.unexpected_keys
    # Batch norms of a supernet have no scale, shift and running statistics.
    assert all(name.split(".")[-1] in _NORM_STATE for name in left.missing_keys)
    assert all(network.get_parameter(name).dim() == 1 for name in left.missing_keys if name.endswith("weight"))
    x = torch.randn(4, 1, *size, dtype=torch.float64)
    torch.testing.assert_close(network(x), supernet(x, gates))
