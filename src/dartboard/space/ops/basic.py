"""Candidate operations without convolutions: nothing, identity and pooling."""

from torch import Tensor, nn

from dartboard.space.ops.conv import FactorizedReduce, factorized_reduce_cost
from dartboard.space.ops.operation import Cost, Norm, op
from dartboard.space.ops.pooling import AveragePool3x3

__all__ = ["Zero"]

_DARTS = "arXiv:1806.09055"


class Zero(nn.Module):
    """Zeros, in the shape of the other operations' outputs.

    Args:
        stride: 1 or 2.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> zeros (batch, channels, ceil(height/stride), ceil(width/stride))."""
        batch, channels, height, width = x.shape
        return x.new_zeros(batch, channels, -(-height // self.stride), -(-width // self.stride))


def _free(_channels: int, _stride: int, _norm: Norm, _pixels: int) -> Cost:
    return Cost()


def _skip_cost(channels: int, stride: int, norm: Norm, pixels: int) -> Cost:
    return Cost() if stride == 1 else factorized_reduce_cost(channels, channels, norm, pixels)


@op("none", cost=_free, paper=_DARTS, blind=True)
def none(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001 - one signature for all operations
    """No connection: zeros."""
    return Zero(stride)


@op("zero", cost=_free, paper="arXiv:1812.00332", blind=True)
def zero(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001
    """Zeros beside a shortcut, so that only the shortcut is left of a block (ProxylessNAS).

    It computes the same as `none`, but methods that leave out `none` may choose it.
    """
    return Zero(stride)


@op("skip_connect", cost=_skip_cost, paper=_DARTS)
def skip_connect(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Identity; at stride 2 a factorised reduction."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm)


@op("max_pool_3x3", cost=_free, paper=_DARTS)
def max_pool_3x3(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001
    """Maximum over 3x3."""
    return nn.MaxPool2d(3, stride=stride, padding=1)


@op("avg_pool_3x3", cost=_free, paper=_DARTS)
def avg_pool_3x3(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001
    """Mean over 3x3, padding not counted."""
    return AveragePool3x3(stride)
