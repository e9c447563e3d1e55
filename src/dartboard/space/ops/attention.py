"""Attention as operations: each computes a mask from a feature map and multiplies the map by it, or adds to the map.

They follow another operation and keep the size of its output. As candidates of their own they may have a stride of 2,
and then follow a factorized reduction. Sources: the papers named at each builder, and where these leave something open,
the code of Att-DARTS (arXiv:2006.12874), which searches them.
Batch norms in them always learn scale and shift. Pooled vectors are maps of 1x1 pixels here, and fully connected layers
1x1 convolutions.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dartboard.errors import SettingsError
from dartboard.space.ops.conv import FactorizedReduce, factorized_reduce_cost
from dartboard.space.ops.operation import Cost, Norm, Size, op

__all__ = [
    "ATTENTION",
    "MODULES",
    "BottleneckAttention",
    "ConvolutionalAttention",
    "DoubleAttention",
    "GatherExcite",
    "SqueezeExcite",
]

ATTENTION = ("identity", "squeeze_excite", "bam", "cbam", "gather_excite", "double_attention")
"""The candidates of Att-DARTS, in the order of the authors' code."""

MODULES = ATTENTION[1:]
"""Those that change something: the candidates beside the operations where attention competes with these."""


class SqueezeExcite(nn.Module):
    """A mask for each channel, from the channels' means (SE).

    Args:
        channels: channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.excite = _bottleneck(channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> the same shape."""
        return x * self.excite(_mean(x)).sigmoid()  # type: ignore[no-any-return]


class GatherExcite(nn.Module):
    """A mask for each channel, from a weighted sum of all its pixels: GE-theta+ of global extent.

    Args:
        channels: channels of the map.
        size: (height, width) of the map.
        norm: the batch norm behind the sum.
    """

    def __init__(self, channels: int, size: Size, norm: Norm) -> None:
        super().__init__()
        self.size = size
        self.gather = nn.Conv2d(channels, channels, size, groups=channels, bias=False)
        self.norm = _PooledNorm(channels, norm)
        self.excite = _bottleneck(channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> the same shape; raises SettingsError for maps of another size."""
        if x.shape[2:] != self.size:
            built, found = ("{1}x{0}".format(*size) for size in (self.size, x.shape[2:]))
            raise SettingsError(
                f"gather_excite was built for maps of {built} pixels and got {found}; build the network for the size "
                "of the images that it is given."
            )
        # On CPUs, torch's depthwise convolution is slow backward when its kernel is as large as the map.
        gathered = torch.einsum("bchw,chw->bc", x, self.gather.weight[:, 0])[:, :, None, None]
        return x * self.excite(self.norm(gathered)).sigmoid()  # type: ignore[no-any-return]


class BottleneckAttention(nn.Module):
    """The mask 1 + sigmoid(channel attention x spatial attention), between 1 and 2 (BAM).

    The paper adds the two; its authors' code and that of Att-DARTS multiply them, as is done here.

    Args:
        channels: channels of the map.
        norm: the batch norms of both branches.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        hidden = _hidden(channels)
        self.channel = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), _PooledNorm(hidden, norm), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )
        self.spatial = nn.Sequential(
            *_conv_norm_relu(nn.Conv2d(channels, hidden, 1), norm),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4), norm),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=4, dilation=4), norm),
            nn.Conv2d(hidden, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> the same shape."""
        return x * (1 + (self.channel(_mean(x)) * self.spatial(x)).sigmoid())  # type: ignore[no-any-return]


class ConvolutionalAttention(nn.Module):
    """A mask for each channel, then one for each pixel, both between 0 and 1 (CBAM).

    Args:
        channels: channels of the map.
        norm: the batch norm of the second mask.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.channel = _bottleneck(channels, bias=True)
        self.spatial = nn.Conv2d(2, 1, _CBAM_KERNEL, padding=_CBAM_KERNEL // 2, bias=False)
        self.norm = norm.learned()(1)
        self.norm.momentum = 0.01

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> the same shape."""
        x = x * (self.channel(_mean(x)) + self.channel(x.amax(dim=(2, 3), keepdim=True))).sigmoid()
        pooled = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        return x * self.norm(self.spatial(pooled)).sigmoid()  # type: ignore[no-any-return]


class DoubleAttention(nn.Module):
    """Global features, gathered over all pixels and handed out to each pixel, are added to the map (A2-Nets).

    Args:
        channels: channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _inner(channels)
        self.features, self.gather, self.hand_out = (nn.Conv2d(channels, inner, 1) for _ in range(3))
        self.join = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> the same shape."""
        gather = self.gather(x).flatten(2).softmax(dim=2)
        hand_out = self.hand_out(x).flatten(2).softmax(dim=1)
        gathered = self.features(x).flatten(2) @ gather.transpose(1, 2)
        return x + self.join((gathered @ hand_out).unflatten(2, x.shape[2:]))  # type: ignore[no-any-return]


class _PooledNorm(nn.Module):
    """Batch norm of pooled vectors, (batch, channels, 1, 1), that also accepts a batch of one image.

    The last batch of a validation may hold one image. Normalised by its own statistics, a single vector becomes the
    shift, which torch refuses to compute. Running averages then stay as they are, since one vector has no variance.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.norm = norm.learned()(channels)

    def forward(self, x: Tensor) -> Tensor:
        by_running = self.norm.track_running_stats and not self.training
        if by_running or len(x) > 1:
            return self.norm(x)  # type: ignore[no-any-return]
        weight, bias = (each[:, None, None] for each in (self.norm.weight, self.norm.bias))
        return (x - x.mean(dim=0, keepdim=True)) * weight + bias


_REDUCTION, _CBAM_KERNEL = 16, 7


def _hidden(channels: int) -> int:
    return max(1, channels // _REDUCTION)


def _inner(channels: int) -> int:
    return max(1, channels // 4)


def _mean(x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3), keepdim=True)


def _bottleneck(channels: int, *, bias: bool) -> nn.Sequential:
    """Two fully connected layers on pooled vectors, (batch, channels, 1, 1)."""
    hidden = _hidden(channels)
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=bias), nn.ReLU(), nn.Conv2d(hidden, channels, 1, bias=bias)
    )


def _conv_norm_relu(convolution: nn.Conv2d, norm: Norm) -> tuple[nn.Module, ...]:
    return convolution, norm.learned()(convolution.out_channels), nn.ReLU()


def _bottleneck_weights(channels: int) -> int:
    """Weights of the two layers without biases; equal to their multiply-adds for one vector."""
    return 2 * channels * _hidden(channels)


def _free(_channels: int, _stride: int, _norm: Norm, _pixels: int) -> Cost:
    return Cost()


def _squeeze_excite_cost(channels: int, _stride: int, _norm: Norm, _pixels: int) -> Cost:
    weights = _bottleneck_weights(channels)
    return Cost(weights, weights)


def _gather_excite_cost(channels: int, _stride: int, norm: Norm, pixels: int) -> Cost:
    weights = channels * pixels + _bottleneck_weights(channels)
    return Cost(weights + norm.learned().parameters(channels), weights)


def _bam_cost(channels: int, _stride: int, norm: Norm, pixels: int) -> Cost:
    hidden, norms = _hidden(channels), norm.learned()
    pooled = _bottleneck_weights(channels)
    spatial = channels * hidden + 2 * 9 * hidden**2 + hidden
    biases = (hidden + channels) + (3 * hidden + 1)
    return Cost(pooled + spatial + biases + 4 * norms.parameters(hidden), pooled + spatial * pixels)


def _cbam_cost(channels: int, _stride: int, norm: Norm, pixels: int) -> Cost:
    pooled, spatial = _bottleneck_weights(channels), 2 * _CBAM_KERNEL**2
    biases = _hidden(channels) + channels
    return Cost(pooled + biases + spatial + norm.learned().parameters(1), 2 * pooled + spatial * pixels)


def _double_attention_cost(channels: int, _stride: int, _norm: Norm, pixels: int) -> Cost:
    inner = _inner(channels)
    weights = 4 * channels * inner
    return Cost(weights + 3 * inner + channels, (weights + 2 * inner**2) * pixels)


def _reducing(formula: Callable[[int, int, Norm, int], Cost]) -> Callable[[int, int, Norm, int], Cost]:
    """The cost with the reduction before it that a stride of 2 takes."""

    def cost(channels: int, stride: int, norm: Norm, pixels: int) -> Cost:
        before = factorized_reduce_cost(channels, channels, norm, pixels) if stride == 2 else Cost()
        return before + formula(channels, stride, norm, pixels)

    return cost


def _behind(stride: int, channels: int, norm: Norm, module: nn.Module) -> nn.Module:
    """The module, at a stride of 2 behind a reduction."""
    return module if stride == 1 else nn.Sequential(FactorizedReduce(channels, channels, norm), module)


@op("identity", cost=_free, paper="arXiv:2006.12874")
def identity(channels: int, stride: int, norm: Norm) -> nn.Module:  # noqa: ARG001 - one signature for all operations
    """Attention that changes nothing; unlike `skip_connect` it has no stride of 2."""
    if stride != 1:
        raise SettingsError(
            f"'identity' keeps the size of its maps and cannot have a stride of {stride}; take 'skip_connect'."
        )
    return nn.Identity()


@op("squeeze_excite", cost=_reducing(_squeeze_excite_cost), paper="arXiv:1709.01507")
def squeeze_excite(channels: int, stride: int, norm: Norm) -> nn.Module:
    """A mask for each channel from the channels' means."""
    return _behind(stride, channels, norm, SqueezeExcite(channels))


@op("bam", cost=_reducing(_bam_cost), paper="arXiv:1807.06514")
def bam(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Bottleneck attention: one mask from the channels' means and from dilated convolutions."""
    return _behind(stride, channels, norm, BottleneckAttention(channels, norm))


@op("cbam", cost=_reducing(_cbam_cost), paper="arXiv:1807.06521")
def cbam(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Convolutional block attention: a mask for each channel, then one for each pixel."""
    return _behind(stride, channels, norm, ConvolutionalAttention(channels, norm))


@op("gather_excite", cost=_reducing(_gather_excite_cost), paper="arXiv:1810.12348")
def gather_excite(channels: int, stride: int, norm: Norm, *, size: Size | None = None) -> nn.Module:
    """A mask for each channel from a learned sum of all its pixels; made for maps of one size."""
    if size is None:
        raise SettingsError(
            "'gather_excite' has a weight for each pixel and must know the size of its maps; make the network's plan "
            "with an image_size."
        )
    return _behind(stride, channels, norm, GatherExcite(channels, size, norm))


@op("double_attention", cost=_reducing(_double_attention_cost), paper="arXiv:1810.11579")
def double_attention(channels: int, stride: int, norm: Norm) -> nn.Module:
    """Second-order global features, gathered over all pixels and handed out to each of them."""
    return _behind(stride, channels, norm, DoubleAttention(channels))
