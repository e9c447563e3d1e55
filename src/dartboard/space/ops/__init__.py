"""All candidate operations: each is a builder with its cost formula."""

from dartboard.kernels.choice import plain_kernels
from dartboard.kernels.depthwise import DepthwiseConv2d
from dartboard.space.ops import (  # noqa: F401 - importing registers the operations
    attention,
    basic,
    conv,
    dense,
    mobile,
    noise,
)
from dartboard.space.ops.attention import ATTENTION, MODULES
from dartboard.space.ops.noise import RandomOp
from dartboard.space.ops.operation import (
    OPS,
    Cost,
    Norm,
    OpBuilder,
    Size,
    build_op,
    has_weights,
    is_blind,
    op,
    op_cost,
    rounds_down,
)

__all__ = [
    "ATTENTION",
    "MODULES",
    "OPS",
    "Cost",
    "DepthwiseConv2d",
    "Norm",
    "OpBuilder",
    "RandomOp",
    "Size",
    "build_op",
    "has_weights",
    "is_blind",
    "op",
    "op_cost",
    "plain_kernels",
    "rounds_down",
]
