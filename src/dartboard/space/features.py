"""Feature maps that several modules read: the steps that these begin with are done once for all of them."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.kernels.choice import is_plain
from dartboard.space.ops.conv import FactorizedReduce

__all__ = ["Features", "gives_fresh", "through"]


class Features:
    """A feature map, given as a whole or in parts whose channels are joined when needed.

    Args:
        maps: the whole map or its parts, each (batch, channels, height, width).
    """

    def __init__(self, *maps: Tensor) -> None:
        self._maps = maps
        self._whole: Tensor | None = maps[0] if len(maps) == 1 else None
        self._rectified: Tensor | None = None

    @classmethod
    def of(cls, x: "Tensor | Features") -> "Features":
        """Take x as features: a map (batch, channels, height, width) is wrapped, `Features` stay as they are."""
        return x if isinstance(x, Features) else cls(x)

    @property
    def whole(self) -> Tensor:
        """The map, (batch, sum of channels, height, width)."""
        if self._whole is None:
            self._whole = _join(self._maps, rectify=False)
        return self._whole

    @property
    def rectified(self) -> Tensor:
        """The positive part of the map, (batch, sum of channels, height, width)."""
        if self._rectified is None:
            self._rectified = _join(self._maps, rectify=True) if self._whole is None else self._whole.relu()
        return self._rectified


def through(op: nn.Module, x: Features) -> Tensor:
    """The output of a module for x; modules that begin with a ReLU share its result."""
    if is_plain():
        return op(x.whole)  # type: ignore[no-any-return]
    if type(op) is FactorizedReduce:
        return op.reduce(x.rectified)
    if type(op) is nn.Sequential and type(op[0]) is nn.ReLU:
        y = x.rectified
        for before, part in pairwise(op):
            y = y.relu_() if type(part) is nn.ReLU and gives_fresh(before) else part(y)
        return y
    return op(x.whole)  # type: ignore[no-any-return]


def gives_fresh(op: nn.Module) -> bool:
    """Whether nobody else needs the map that an operation returns: a batch norm keeps only what it reads."""
    last = op[-1] if type(op) is nn.Sequential else op
    return isinstance(last, nn.BatchNorm2d)


def _join(maps: tuple[Tensor, ...], *, rectify: bool) -> Tensor:
    if is_plain() or torch.compiler.is_compiling():  # a compiler joins and lays out by itself
        joined = torch.cat(maps, dim=1)
        return joined.relu() if rectify else joined
    result: Tensor = _Joined.apply(rectify, *maps)  # type: ignore[no-untyped-call]
    return result


class _Joined(torch.autograd.Function):
    """`apply(rectify, *maps)` joins the channels of maps and, with `rectify`, takes the positive part.

    Its gradient is split into pieces that are contiguous, channels last; that of `torch.cat` is not. Every edge that
    ends in a node reads the node's gradient, and would otherwise gather it from between the other nodes' channels.
    """

    @staticmethod
    def forward(ctx: Any, rectify: bool, *maps: Tensor) -> Tensor:
        """Maps (batch, channels, height, width) -> (batch, sum of channels, height, width)."""
        ctx.channels = [each.shape[1] for each in maps]
        joined = torch.cat(maps, dim=1)
        if rectify:
            ctx.save_for_backward(joined.relu_())
        return joined

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The part of the gradient that belongs to each map, channels last."""
        parts = torch.split(gradient, ctx.channels, dim=1)
        if ctx.saved_tensors:
            signs = torch.split(ctx.saved_tensors[0], ctx.channels, dim=1)
            parts = tuple(
                torch.ops.aten.threshold_backward(part, sign, 0) for part, sign in zip(parts, signs, strict=True)
            )
        return None, *(part.contiguous(memory_format=torch.channels_last) for part in parts)
