"""Size alone: the figures that a proxy must beat, since many proxies mostly measure them."""

from torch import nn

from dartboard.estimate.proxies.protocol import Untrained, proxy
from dartboard.estimate.proxies.start import weights_of
from dartboard.space import cells_cost, has_weights, network_cost

__all__ = ["l2_norm"]

_GROUP = "size"


@proxy("params", group=_GROUP, initialisations=1)
def params(untrained: Untrained) -> float:
    """Number of learned parameters of the network."""
    return _cost(untrained)[0]


@proxy("macs", group=_GROUP, initialisations=1)
def macs(untrained: Untrained) -> float:
    """Multiply-adds of the network for one image."""
    return _cost(untrained)[1]


@proxy("convs", group=_GROUP, initialisations=1)
def convs(untrained: Untrained) -> float:
    """Number of operations with weights in the genotype, each kind of cell counted once."""
    return float(sum(has_weights(each.op) for _, cell in untrained.genotype.cells for each in cell.choices))


@proxy("op-weights", group=_GROUP, initialisations=1)
def op_weights(untrained: Untrained) -> float:
    """Number of learned parameters inside the operations of all cells, without stem, projections and classifier."""
    size = untrained.conditions.image_size
    return float(cells_cost(untrained.space, untrained.genotype, untrained.plan, size).parameters)


@proxy("l2-norm", group=_GROUP)
def l2_norm_of_start(untrained: Untrained) -> float:
    """Sum of the Euclidean norms of the initial weights, layer by layer."""
    return l2_norm(untrained.network())


def l2_norm(network: nn.Module) -> float:
    """Sum over convolutions and linear layers of the Euclidean norm of their weights."""
    return float(sum(weight.detach().double().norm() for weight in weights_of(network)))


def _cost(untrained: Untrained) -> tuple[float, float]:
    size = untrained.conditions.image_size
    cost = network_cost(untrained.space, untrained.genotype, untrained.plan, size)
    return float(cost.parameters), float(cost.multiply_adds)
