"""Every candidate operation, once: a builder with its cost formula."""

from dartboard.space.ops import basic, conv  # noqa: F401 - importing registers the operations
from dartboard.space.ops.depthwise import DepthwiseConv2d
from dartboard.space.ops.kernels import plain_kernels
from dartboard.space.ops.registry import OPS, Cost, Norm, OpBuilder, op, op_cost

__all__ = ["OPS", "Cost", "DepthwiseConv2d", "Norm", "OpBuilder", "op", "op_cost", "plain_kernels"]
