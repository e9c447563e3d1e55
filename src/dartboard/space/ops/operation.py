"""What a candidate operation must offer, and the registry of operations."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Protocol

from torch import nn

from dartboard.errors import SettingsError
from dartboard.kernels.norm import BatchNorm2d
from dartboard.registry import Registry

__all__ = [
    "OPS",
    "Cost",
    "CostFormula",
    "Norm",
    "OpBuilder",
    "Size",
    "build_op",
    "has_weights",
    "is_blind",
    "op",
    "op_cost",
    "rounds_down",
]

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Norm:
    """How batch normalisation is built: the only thing that differs between a supernet and a discrete network.

    Attributes:
        affine: whether scale and shift are learned.
        running: whether running averages are kept for evaluation; otherwise batch statistics are always used.
        eps: number added to the variance.
    """

    affine: bool
    running: bool
    eps: float = 1e-5

    def __call__(self, channels: int) -> BatchNorm2d:
        """A batch normalisation over `channels` channels."""
        return BatchNorm2d(channels, self.eps, affine=self.affine, track_running_stats=self.running)

    def parameters(self, channels: int) -> int:
        """How many numbers one such layer learns."""
        return 2 * channels if self.affine else 0

    def learned(self) -> "Norm":
        """The same norm with learned scale and shift, which stem and head always have."""
        return replace(self, affine=True)


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

    Odd sides are divided rounding up, or, by operations that are registered so, rounding down.

    A builder can have further keywords: `size`, the (height, width) of its output, or None where a plan does not know
    it; `inputs`, its number of input channels, which then can differ from `channels`.
    """

    def __call__(self, channels: int, stride: int, norm: Norm) -> nn.Module:
        """A module: (batch, channels, height, width) -> (batch, channels, ceil(height/stride), ceil(width/stride))."""
        ...


CostFormula = Callable[..., Cost]
"""(channels, stride, norm, output pixels) -> cost. A formula can have further keywords: `inputs`, the number of input
channels, and `input_pixels`, the number of their pixels."""

OPS: Registry[OpBuilder] = Registry("operation", "dartboard.ops", given=None)
_COSTS: dict[str, CostFormula] = {}
_ROUNDS_DOWN: dict[str, bool] = {}
_BLIND: set[str] = set()


def op(
    name: str, *, cost: CostFormula, paper: str = "", rounds_down: bool = False, blind: bool = False
) -> Callable[[OpBuilder], OpBuilder]:
    """Register the decorated builder as the candidate operation `name`.

    Args:
        name: the literature's name ("sep_conv_3x3").
        cost: its cost by formula, tested against the built module.
        paper: where it was published.
        rounds_down: whether stride 2 divides odd sides rounding down, not up; such operations stand where
            `CellPlace.rounds_down` says the same.
        blind: whether its output does not depend on its input, as that of `none`.
    """

    def register(builder: OpBuilder) -> OpBuilder:
        OPS.add(name, builder, paper=paper)
        _COSTS[name], _ROUNDS_DOWN[name] = cost, rounds_down
        (_BLIND.add if blind else _BLIND.discard)(name)
        return builder

    return register


def build_op(
    name: str, channels: int, stride: int, norm: Norm, size: Size | None, inputs: int | None = None
) -> nn.Module:
    """The operation `name`, built.

    Args:
        name: its registry name.
        channels: channels out.
        stride: 1 or 2.
        norm: its batch norms.
        size: (height, width) of the output; None where it is not known.
        inputs: channels in; None: `channels`.

    Raises:
        UnknownNameError: no operation of that name is registered.
        SettingsError: the operation has no such stride, needs a size, or cannot change the number of channels.
    """
    factory: Callable[..., nn.Module] = OPS[name].factory
    inputs = channels if inputs is None else inputs
    further = _wanted(factory, size=size, inputs=inputs)
    if inputs != channels and "inputs" not in further:
        raise SettingsError(
            f"the operation '{name}' keeps the number of channels, but here {inputs} must become {channels}; take one "
            "that changes it, such as 'mbconv_3x3_e3'."
        )
    return factory(channels, stride, norm, **further)


def op_cost(
    name: str,
    channels: int,
    stride: int,
    norm: Norm,
    pixels: int,
    *,
    inputs: int | None = None,
    input_pixels: int | None = None,
) -> Cost:
    """Cost of the operation `name`.

    Args:
        name: its registry name.
        channels: channels out.
        stride: 1 or 2.
        norm: its batch norms.
        pixels: pixels of an output map.
        inputs: channels in; None: `channels`.
        input_pixels: pixels of an input map; None: stride^2 * pixels, as for maps with even sides.

    Raises:
        UnknownNameError: no operation of that name is registered.
    """
    formula = _COSTS[OPS[name].name]
    given = {
        "inputs": channels if inputs is None else inputs,
        "input_pixels": stride**2 * pixels if input_pixels is None else input_pixels,
    }
    return formula(channels, stride, norm, pixels, **_wanted(formula, **given))


def _wanted(function: Callable[..., Any], **offered: Any) -> dict[str, Any]:
    """The offered keywords that the function takes."""
    known = signature(function).parameters
    return {name: value for name, value in offered.items() if name in known}


def rounds_down(name: str) -> bool:
    """Whether the operation `name` divides odd sides rounding down at stride 2.

    Raises:
        UnknownNameError: no operation of that name is registered.
    """
    return _ROUNDS_DOWN[OPS[name].name]


def is_blind(name: str) -> bool:
    """Whether the output of the operation `name` does not depend on its input; unknown ones are taken to look at it."""
    return name in _BLIND


def has_weights(name: str) -> bool:
    """Whether the operation `name` learns anything at stride 1, by its cost formula.

    An operation that is not registered counts as one with weights, since nothing is known about it.
    """
    return name not in OPS or op_cost(name, 4, 1, Norm(affine=False, running=False), 1).parameters > 0
