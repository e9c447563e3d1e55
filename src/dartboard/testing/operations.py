"""The contract of an operation."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dartboard.space import ATTENTION, OPS, Cost, Norm
from dartboard.space.ops import RandomOp, Size, build_op, op_cost, rounds_down
from dartboard.space.skeleton import halved
from dartboard.testing.contract import Contract, for_each

__all__ = ["CHANNELS", "NORMS", "OperationContract", "build", "images"]

CHANNELS = 6
"""Number of channels of every operation that a check builds."""

NORMS = [Norm(affine=affine, running=running) for affine in (True, False) for running in (True, False)]
"""Every kind of norm."""


def build(name: str, stride: int, norm: Norm, size: Size = (7, 7)) -> nn.Module:
    """The operation on `CHANNELS` channels and maps of a size, in double precision, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_op(name, CHANNELS, stride, norm, halved(size, stride, down=rounds_down(name))).double()


def images(height: int, width: int) -> Tensor:
    """Standard normal numbers, (3, CHANNELS, height, width), in double precision, the same at every call."""
    return torch.randn(3, CHANNELS, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class OperationContract(Contract):
    """What every registered operation promises: shapes, gradients, its cost formula, its norms, and no mixed images.

    Attributes:
        operations: names of the operations to test.
        without_gradient: names of the operations with outputs that do not depend on their inputs.
    """

    operations: ClassVar[Sequence[str]] = ()
    without_gradient: ClassVar[Sequence[str]] = ()

    def kept_by(self) -> Iterable[str]:
        """The names of the operations."""
        return self.operations

    def built(self) -> Iterator[tuple[str, int]]:
        """Every operation with every stride, (name, stride); the attention `identity` has stride 1 only."""
        for name in self.operations:
            for stride in (1, 2):
                if stride == 1 or name != ATTENTION[0]:
                    yield name, stride

    @for_each("name", lambda own: own.operations)
    def test_the_operation_says_what_it_is(self, name: str) -> None:
        """Lists of operations and the documentation show the first line of the operation's docstring."""
        assert OPS[name].summary

    @for_each("name, stride", lambda own: own.built())
    def test_channels_stay_and_sides_are_divided_rounding_as_registered(self, name: str, stride: int) -> None:
        """The maps have even and odd sides, and are square, wide and high."""
        for height, width in [(8, 8), (7, 7), (7, 12), (15, 5)]:
            op = build(name, stride, Norm(affine=True, running=True), (height, width))
            out = op(images(height, width))
            assert out.shape == (3, CHANNELS, *halved((height, width), stride, down=rounds_down(name)))
            assert out.isfinite().all()

    @for_each("name, stride", lambda own: own.built())
    def test_gradient_reaches_the_input_of_every_image(self, name: str, stride: int) -> None:
        """The operations in `without_gradient` are the exception."""
        x = images(8, 7).requires_grad_()
        # The sum is weighted, as a plain sum after a batch norm has no gradient.
        out = build(name, stride, Norm(affine=True, running=True), (8, 7))(x)
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
        if name in self.without_gradient:
            assert not out.requires_grad
            return
        (gradient,) = torch.autograd.grad((out * weights).sum(), x)
        assert gradient.isfinite().all()
        assert gradient.flatten(1).abs().sum(1).gt(0).all()

    @for_each("name, stride", lambda own: own.built())
    def test_the_cost_formula_is_what_is_built_and_counted(self, name: str, stride: int) -> None:
        """The formula gives the parameters as built, and the multiplications that torch's flop counter counts."""
        for norm, side in itertools.product(NORMS, (7, 8)):
            with torch.device("meta"):
                op = build_op(name, CHANNELS, stride, norm, halved((side, side), stride, down=rounds_down(name))).eval()
                x = torch.empty(1, CHANNELS, side, side)
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                pixels = op(x)[0, 0].numel()
            built = Cost(sum(parameter.numel() for parameter in op.parameters()), counter.get_total_flops() // 2)
            assert op_cost(name, CHANNELS, stride, norm, pixels, input_pixels=side**2) == built

    @for_each("name, stride", lambda own: own.built())
    def test_the_norm_asked_for_is_the_norm_built(self, name: str, stride: int) -> None:
        """Norms have weights and running statistics if asked for; the norms of attention always have weights."""
        for norm in NORMS:
            op = build(name, stride, norm)
            module = op[1] if name in ATTENTION and stride == 2 else op  # type: ignore[index]
            built = [module for module in module.modules() if isinstance(module, nn.BatchNorm2d)]
            affine = norm.affine or name in ATTENTION
            assert all((layer.affine, layer.track_running_stats) == (affine, norm.running) for layer in built)

    @for_each("name, stride", lambda own: own.built())
    def test_one_image_does_not_touch_another_in_evaluation(self, name: str, stride: int) -> None:
        """An image gives the same output alone and in a batch.

        An operation that draws random numbers would draw others for fewer images. There, another image in the batch is
        changed instead.
        """
        op, x = build(name, stride, Norm(affine=True, running=True)).eval(), images(7, 7)
        if isinstance(op, RandomOp):
            assert torch.equal(op(x)[1:], op(torch.cat([torch.zeros_like(x[:1]), x[1:]]))[1:])
            return
        torch.testing.assert_close(op(x)[1:2], op(x[1:2]))
