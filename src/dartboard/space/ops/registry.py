"""The register of candidate operations, and what an operation must offer."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Protocol

from torch import nn

from dartboard.registry import Registry
from dartboard.space.ops.norm import BatchNorm2d

__all__ = ["OPS", "Cost", "CostFormula", "Norm", "OpBuilder", "Size", "build_op", "has_weights", "op", "op_cost"]

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Norm:
    """How batch normalisation is built: the one thing that differs between a supernet and a discrete network.

    Attributes:
        affine: whether scale and shift are learned.
        running: whether running averages are kept for evaluation; without them batch statistics serve always.
    """

    affine: bool
    running: bool

    def __call__(self, channels: int) -> BatchNorm2d:
        """A batch normalisation over `channels` channels."""
        return BatchNorm2d(channels, affine=self.affine, track_running_stats=self.running)

    def parameters(self, channels: int) -> int:
        """Learned numbers of one such layer."""
        return 2 * channels if self.affine else 0

    def learned(self) -> "Norm":
        """The same with scale and shift: stem and head always learn them."""
        return Norm(affine=True, running=self.running)


@dataclass(frozen=True)
class Cost:
    """What a piece of network costs.

    Attributes:
        parameters: learned numbers, batch-norm scale and shift included.
        multiply_adds: multiply-adds of convolutions, linear layers and matrix products for one image.
    """

    parameters: int = 0
    multiply_adds: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)


class OpBuilder(Protocol):
    """Builds an operation that keeps the number of channels and divides height and width by `stride` (1 or 2).

    A builder with a further keyword `size` is told the (height, width) of the maps that come out, or None where a plan
    does not know it.
    """

    def __call__(self, channels: int, stride: int, norm: Norm) -> nn.Module:
        """The module; maps (batch, channels, height, width) to (batch, channels, ceil(height/stride), ...)."""
        ...


CostFormula = Callable[[int, int, Norm, int], Cost]
"""(channels, stride, norm, output pixels) -> cost."""

OPS: Registry[OpBuilder] = Registry("operation", "dartboard.ops")
_COSTS: dict[str, CostFormula] = {}


def op(name: str, *, cost: CostFormula, paper: str = "") -> Callable[[OpBuilder], OpBuilder]:
    """Register the decorated builder as the candidate operation `name`.

    Args:
        name: the literature's name ("sep_conv_3x3").
        cost: its cost by formula, tested against the built module.
        paper: where it comes from.
    """

    def register(builder: OpBuilder) -> OpBuilder:
        OPS.add(name, builder, paper=paper)
        _COSTS[name] = cost
        return builder

    return register


def build_op(name: str, channels: int, stride: int, norm: Norm, size: Size | None) -> nn.Module:
    """The operation `name`, built.

    Args:
        name: its registry name.
        channels: channels in and out.
        stride: 1 or 2.
        norm: its batch norms.
        size: of the maps that come out; None where it is not known.

    Raises:
        UnknownNameError: no operation of that name is registered.
        SettingsError: it has no such stride, or needs a size.
    """
    factory: Callable[..., nn.Module] = OPS[name].factory
    further: dict[str, Any] = {"size": size} if "size" in signature(factory).parameters else {}
    return factory(channels, stride, norm, **further)


def op_cost(name: str, channels: int, stride: int, norm: Norm, pixels: int) -> Cost:
    """Cost of the operation `name` on `pixels` output positions.

    Raises:
        UnknownNameError: no operation of that name is registered.
    """
    return _COSTS[OPS[name].name](channels, stride, norm, pixels)


def has_weights(name: str) -> bool:
    """Whether the operation `name` learns anything at stride 1, by its cost formula.

    Of an operation that is not registered nothing is known, and it counts as one with weights.
    """
    return name not in OPS or op_cost(name, 4, 1, Norm(affine=False, running=False), 1).parameters > 0
