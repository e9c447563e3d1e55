"""Which candidate operations the fast engine can share or fold; the modules of an operation decide."""

from typing import Literal, NamedTuple

import torch
from torch import nn

from dartboard.kernels import DepthwiseConv2d
from dartboard.kernels.norm import BatchNorm2d
from dartboard.kernels.pointwise import Pointwise
from dartboard.space import CellPlace, Norm, SearchSpace
from dartboard.space.ops import build_op
from dartboard.space.ops.basic import Zero
from dartboard.space.ops.conv import FactorizedReduce
from dartboard.space.ops.pooling import AveragePool3x3
from dartboard.supernet.spec import SEARCH_NORM

__all__ = ["Dense", "Folded", "Form", "Reduced", "Separable", "describe_form", "describe_forms", "find_form", "form_of"]


class Separable(NamedTuple):
    """ReLU, depthwise and 1x1 convolution, batch norm, `repeats` times; the second time with stride and dilation 1.

    Attributes:
        kernel: side of the depthwise kernel.
        dilation: dilation of the first depthwise convolution.
        repeats: how often these four modules follow each other, 1 or 2.
        eps: eps of the batch norms.
    """

    kernel: int
    dilation: int
    repeats: int
    eps: float


class Dense(NamedTuple):
    """ReLU, a convolution that keeps the number of channels, and batch norm.

    Attributes:
        kernel: side of the kernel.
        dilation: dilation of the convolution.
        eps: eps of the batch norm.
    """

    kernel: int
    dilation: int
    eps: float


class Reduced(NamedTuple):
    """A `FactorizedReduce` that keeps the number of channels.

    Attributes:
        eps: eps of the batch norm.
    """

    eps: float


Folded = Separable | Dense | Reduced
"""Folded forms: batch norm and gate are computed while the output of the convolution is added to a node."""

Form = Folded | Literal["nothing", "shared", "plain"]
"""How an operation is run: "nothing" adds nothing; "shared" has no weights and is run once for all edges that leave a
node; "plain" has no faster form and is run edge by edge."""


def find_form(op: nn.Module) -> Form:
    """The form of a built operation, found from its modules; so operations of other packages have forms too.

    Types must match exactly, since a class that inherits from a known one may compute something else.
    """
    if type(op) is Zero:
        return "nothing"
    if _is_shared(op):
        return "shared"
    if type(op) is nn.Sequential:
        return _separable(list(op)) or _dense(list(op)) or "plain"
    if type(op) is FactorizedReduce:
        return _reduced(op) or "plain"
    return "plain"


def _is_shared(op: nn.Module) -> bool:
    if type(op) is nn.Sequential:
        return len(op) > 0 and all(_is_shared(part) for part in op)
    return type(op) in (nn.Identity, nn.MaxPool2d, nn.AvgPool2d, AveragePool3x3) or _is_bare_norm(op)


def _is_bare_norm(part: nn.Module) -> bool:
    return type(part) in (nn.BatchNorm2d, BatchNorm2d) and not part.affine and not part.track_running_stats


def _separable(parts: list[nn.Module]) -> Separable | None:
    halves = [parts[start : start + 4] for start in range(0, len(parts), 4)]
    if len(halves) not in (1, 2):
        return None
    found = [_half(*half) if len(half) == 4 else None for half in halves]
    first = found[0]
    if first is None or (len(found) == 2 and found[1] != (first[0], 1, 1, first[3])):
        return None
    kernel, _, dilation, eps = first
    return Separable(kernel, dilation, len(halves), eps)


def _half(
    relu: nn.Module, depthwise: nn.Module, pointwise: nn.Module, norm: nn.Module
) -> tuple[int, int, int, float] | None:
    """(kernel, stride, dilation, eps) of ReLU, depthwise and 1x1 convolution and a bare batch norm."""
    if type(relu) is not nn.ReLU or type(depthwise) is not DepthwiseConv2d:
        return None
    if not _is_pointwise(pointwise) or not _is_bare_norm(norm):
        return None
    return depthwise.kernel_size[0], depthwise.stride[0], depthwise.dilation[0], _eps(norm)


def _dense(parts: list[nn.Module]) -> Dense | None:
    if len(parts) != 3 or type(parts[0]) is not nn.ReLU or not _is_bare_norm(parts[2]):
        return None
    convolution = parts[1]
    if _is_pointwise(convolution):
        return Dense(1, 1, _eps(parts[2]))
    if type(convolution) is not nn.Conv2d or not _keeps_size(convolution):
        return None
    return Dense(convolution.kernel_size[0], convolution.dilation[0], _eps(parts[2]))


def _reduced(op: FactorizedReduce) -> Reduced | None:
    keeps_channels = op.even.in_channels == op.even.out_channels + op.odd.out_channels
    return Reduced(_eps(op.norm)) if keeps_channels and _is_bare_norm(op.norm) else None


def _keeps_size(convolution: nn.Conv2d) -> bool:
    """Whether the kernel is wider than a pixel, and the number of channels and (at stride 1) height and width stay."""
    kernel, stride, dilation = convolution.kernel_size[0], convolution.stride[0], convolution.dilation[0]
    return (
        kernel > 1
        and convolution.kernel_size == (kernel, kernel)
        and convolution.stride == (stride, stride)
        and convolution.dilation == (dilation, dilation)
        and convolution.padding == (dilation * (kernel // 2),) * 2
        and kernel % 2 == 1
        and convolution.padding_mode == "zeros"
        and convolution.groups == 1
        and convolution.bias is None
        and convolution.in_channels == convolution.out_channels
    )


def _is_pointwise(part: nn.Module) -> bool:
    """Whether the module is a 1x1 convolution of all pixels that keeps the number of channels."""
    if type(part) is Pointwise:
        return part.step == 1 and part.in_channels == part.out_channels
    return (
        type(part) is nn.Conv2d
        and part.kernel_size == (1, 1)
        and part.stride == (1, 1)
        and part.padding == (0, 0)
        and part.groups == 1
        and part.bias is None
        and part.in_channels == part.out_channels
    )


def _eps(norm: nn.Module) -> float:
    assert isinstance(norm, nn.BatchNorm2d)
    return norm.eps


def form_of(name: str, space: SearchSpace, stride: int, norm: Norm = SEARCH_NORM) -> Form:
    """The form of the operation `name` of a space in a supernet.

    Args:
        name: the operation.
        space: the space, which tells whether a norm follows the operation.
        stride: 1 or 2.
        norm: the kind of batch norm in the supernet's cells.
    """
    op = build_op(name, 4, stride, norm, size=(4, 4))
    return find_form(nn.Sequential(op, norm(4)) if name in space.normalized_ops else op)


def describe_form(form: Form) -> str:
    """One word for how an operation is run; a form without its own word has the name of its class.

    >>> describe_form("shared")
    'shared'
    >>> describe_form(Separable(kernel=3, dilation=1, repeats=2, eps=1e-5))
    'folded'
    """
    if isinstance(form, Folded):
        return "folded"
    return form if isinstance(form, str) else type(form).__name__.lower()


def describe_forms(space: SearchSpace) -> dict[str, dict[str, str]]:
    """How the fast engine runs the operations of a space, at every stride that its cells have.

    Returns:
        Operation -> {"stride 1": the word of `describe_form`, ...}.
    """
    channels, layers = space.small_size
    plan = space.plan(in_channels=3, num_classes=2, init_channels=channels, layers=layers)
    strides = sorted({1} | {place.stride for place in plan.places if isinstance(place, CellPlace)})
    with torch.random.fork_rng(
        devices=[]
    ):  # building an operation draws weights; this must not change the global generator
        return {
            name: {f"stride {stride}": describe_form(form_of(name, space, stride)) for stride in strides}
            for name in space.ops
        }
