"""Dense convolution blocks whose batch norm and non-linearity come after the convolution.

Stride 2 is a pooling over 2x2 behind a 3x3, 5x5 or 1x1 convolution, or before it, and divides odd sides rounding down.

Sources: the blocks of the CIFAR-10 speed runs (arXiv:2404.00498, section 3.1), and residual and bottleneck blocks
(arXiv:1512.03385) made of them.
"""

from torch import Tensor, nn

from dartboard.kernels.dense import DenseConv2d
from dartboard.kernels.pointwise import Pointwise
from dartboard.space.ops.operation import Cost, CostFormula, Norm, op

__all__ = ["Residual", "stage_stem", "stage_stem_cost"]

_AIRBENCH = "arXiv:2404.00498"
_RESNET = "arXiv:1512.03385"


def stage_stem(inputs: int, outputs: int, patch: int, norm: Norm) -> nn.Sequential:
    """3x3 convolution, or one of `patch` x `patch` pixels with that stride; batch norm, GELU.

    Args:
        inputs: channels in.
        outputs: channels out.
        patch: 1 for the 3x3 convolution, which keeps the size; else sides are divided by it, rounding down.
        norm: the batch norm.
    """
    if patch == 1:
        return _dense(inputs, outputs, 3, 1, norm)
    convolution = nn.Conv2d(inputs, outputs, patch, stride=patch, bias=False)
    return nn.Sequential(convolution, norm(outputs), nn.GELU())


def stage_stem_cost(inputs: int, outputs: int, patch: int, norm: Norm, pixels: int) -> Cost:
    """Cost of `stage_stem` with `pixels` output positions."""
    return _conv_cost(inputs, outputs, 3 if patch == 1 else patch, norm, pixels)


class Residual(nn.Module):
    """A branch beside a shortcut; their outputs are added.

    At stride 2 the shortcut is average pooling over 2x2, which rounds down, and where the channels change it ends in a
    1x1 convolution without bias; otherwise it is the identity.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1 or 2.
        branch: a module that gives the same shape as the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = nn.Sequential()
        if stride == 2:
            self.shortcut.append(nn.AvgPool2d(2))
        if inputs != outputs:
            self.shortcut.append(Pointwise(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) -> (batch, outputs, floor(height/stride), floor(width/stride))."""
        return self.branch(x) + self.shortcut(x)  # type: ignore[no-any-return]


def _dense(
    inputs: int, outputs: int, kernel: int, stride: int, norm: Norm, activation: type[nn.Module] = nn.GELU
) -> nn.Sequential:
    pool = [nn.MaxPool2d(2)] if stride == 2 else []
    return nn.Sequential(_convolution(inputs, outputs, kernel), *pool, norm(outputs), activation())


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    if kernel == 1:
        return Pointwise(inputs, outputs)
    return DenseConv2d(inputs, outputs, kernel)


def _conv_cost(inputs: int, outputs: int, kernel: int, norm: Norm, pixels: int) -> Cost:
    weights = inputs * outputs * kernel**2
    return Cost(weights + norm.parameters(outputs), weights * pixels)


def _dense_cost(kernel: int) -> CostFormula:
    """The convolution runs on all pixels of the input, before the pooling."""

    def formula(channels: int, stride: int, norm: Norm, pixels: int, *, inputs: int, input_pixels: int) -> Cost:  # noqa: ARG001 - one signature for all
        return _conv_cost(inputs, channels, kernel, norm, input_pixels)

    return formula


def _pooled_cost(channels: int, stride: int, norm: Norm, pixels: int, *, inputs: int) -> Cost:  # noqa: ARG001
    return _conv_cost(inputs, channels, 3, norm, pixels)


def _residual_cost(channels: int, stride: int, norm: Norm, pixels: int, *, inputs: int, input_pixels: int) -> Cost:  # noqa: ARG001
    cost = _conv_cost(inputs, channels, 3, norm, input_pixels)
    shortcut = inputs * channels if inputs != channels else 0
    return cost + Cost(shortcut, shortcut * pixels)


def _bottleneck_cost(channels: int, stride: int, norm: Norm, pixels: int, *, inputs: int, input_pixels: int) -> Cost:  # noqa: ARG001
    hidden = _hidden(channels)
    cost = _conv_cost(inputs, hidden, 1, norm, input_pixels) + _conv_cost(hidden, hidden, 3, norm, input_pixels)
    return cost + _conv_cost(hidden, channels, 1, norm, pixels)


def _hidden(channels: int) -> int:
    return max(1, channels // 2)


@op("dense_1x1", cost=_dense_cost(1), paper=_AIRBENCH, rounds_down=True)
def dense_1x1(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Dense 1x1 convolution, at stride 2 max pooling, batch norm, GELU."""
    return _dense(inputs or channels, channels, 1, stride, norm)


@op("dense_3x3", cost=_dense_cost(3), paper=_AIRBENCH, rounds_down=True)
def dense_3x3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Dense 3x3 convolution, at stride 2 max pooling, batch norm, GELU."""
    return _dense(inputs or channels, channels, 3, stride, norm)


@op("dense_5x5", cost=_dense_cost(5), paper=_AIRBENCH, rounds_down=True)
def dense_5x5(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Dense 5x5 convolution, at stride 2 max pooling, batch norm, GELU."""
    return _dense(inputs or channels, channels, 5, stride, norm)


@op("dense_3x3_relu", cost=_dense_cost(3), paper=_AIRBENCH, rounds_down=True)
def dense_3x3_relu(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """Dense 3x3 convolution, at stride 2 max pooling, batch norm, ReLU."""
    return _dense(inputs or channels, channels, 3, stride, norm, nn.ReLU)


@op("pool_dense_3x3", cost=_pooled_cost, paper=_AIRBENCH, rounds_down=True)
def pool_dense_3x3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """At stride 2 max pooling first, before three quarters of the work; dense 3x3 convolution, batch norm, GELU."""
    block = _dense(inputs or channels, channels, 3, 1, norm)
    return nn.Sequential(nn.MaxPool2d(2), *block) if stride == 2 else block


@op("residual_3x3", cost=_residual_cost, paper=_RESNET, rounds_down=True)
def residual_3x3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """`dense_3x3` beside a shortcut: the identity, or average pooling at stride 2 and 1x1 where channels change."""
    inputs = inputs or channels
    return Residual(inputs, channels, stride, _dense(inputs, channels, 3, stride, norm))


@op("bottleneck_3x3", cost=_bottleneck_cost, paper=_RESNET, rounds_down=True)
def bottleneck_3x3(channels: int, stride: int, norm: Norm, *, inputs: int | None = None) -> nn.Module:
    """1x1 to half of the channels, 3x3, at stride 2 max pooling, 1x1, norms and GELUs; plus x where the shape stays."""
    inputs, hidden = inputs or channels, _hidden(channels)
    branch = nn.Sequential(
        *_dense(inputs, hidden, 1, 1, norm),
        *_dense(hidden, hidden, 3, stride, norm),
        *_dense(hidden, channels, 1, 1, norm),
    )
    return Residual(inputs, channels, 1, branch) if (stride, inputs) == (1, channels) else branch
