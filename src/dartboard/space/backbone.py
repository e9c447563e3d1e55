"""The modules of a network plan: stem, blocks and head, shared by supernets and discrete networks."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from dartboard.space.features import Features
from dartboard.space.ops.conv import FactorizedReduce, relu_conv_norm
from dartboard.space.ops.dense import stage_stem
from dartboard.space.ops.mobile import mobile_head, mobile_stem
from dartboard.space.ops.operation import Norm
from dartboard.space.skeleton import CellPlace, NetworkPlan, ResidualPlace
from dartboard.space.topology import CellTopology
from dartboard.space.whitening import Whitening

__all__ = ["Backbone", "ResidualBlock", "join_outputs", "project_inputs"]


def project_inputs(cell: CellTopology, place: CellPlace, norm: Norm) -> nn.ModuleList:
    """The modules that give each input of a cell the cell's channels and the newest input's size.

    They are 1x1 convolutions, or identities where the cell takes its inputs as they are.

    Args:
        cell: graph of the cell.
        place: where the cell stands.
        norm: batch norm of the convolutions.
    """
    if not cell.projects_inputs:
        return nn.ModuleList(nn.Identity() for _ in place.input_channels)
    return nn.ModuleList(
        FactorizedReduce(channels, place.channels, norm)
        if stride == 2
        else relu_conv_norm(channels, place.channels, 1, norm)
        for channels, stride in zip(place.input_channels, place.input_strides, strict=True)
    )


def join_outputs(cell: CellTopology, states: list[Tensor]) -> Features:
    """The output of a cell, from the maps of all its nodes, inputs first; each (batch, channels, height, width)."""
    return Features(*states[cell.num_inputs :]) if cell.output == "concat" else Features(states[-1])


class Backbone(nn.Module):
    """The network of a plan, with cells that the caller builds.

    Args:
        plan: width, depth, classes.
        make_cell: builds the cell of a place; it is called with (list of input `Features`, context) and returns a map
            or features.
        norm: batch norm of the cells; stem, residual blocks and head use it with learned scale and shift.

    Attributes:
        whitening: what the images go through before the stem; None where the plan does not ask for it.
    """

    def __init__(self, plan: NetworkPlan, make_cell: Callable[[CellPlace], nn.Module], norm: Norm) -> None:
        super().__init__()
        self.plan = plan
        self.whitening = Whitening(plan.in_channels) if plan.whitens else None
        self.stem = _make_stem(plan, norm.learned())
        self.blocks = nn.ModuleList(
            make_cell(place) if isinstance(place, CellPlace) else ResidualBlock(place, norm.learned())
            for place in plan.places
        )
        self.head = _make_head(plan, norm.learned())
        self.classifier = nn.Linear(plan.pooled, plan.num_classes)
        if plan.mobile:
            nn.init.zeros_(self.classifier.bias)

    def forward(self, images: Tensor, context: Any, taps: Sequence[int] = ()) -> tuple[Tensor, list[Tensor]]:
        """Run the network.

        Args:
            images: (batch, channels, height, width).
            context: handed to every cell: the gates of a supernet, the drop path of a network.
            taps: indices of blocks whose outputs are returned as well, in rising order.

        Returns:
            Logits, shape (batch, classes), and the outputs of the blocks `taps`, each (batch, channels, height, width).
        """
        images = images if self.whitening is None else self.whitening(images)
        older, newer = (Features.of(x) for x in self.stem(images))
        tapped = []
        for index, block in enumerate(self.blocks):
            if isinstance(block, ResidualBlock):
                older, newer = newer, Features(block(newer.whole))
            else:
                inputs = len(self.plan.places[index].input_channels)  # type: ignore[union-attr]
                older, newer = newer, Features.of(block([older, newer][-inputs:], context))
            if index in taps:
                tapped.append(newer.whole)
        features = self.head(newer.whole)
        logits = self.classifier(features.amax(dim=(2, 3)) if self.plan.stages else features.mean(dim=(2, 3)))
        return logits if self.plan.logit_scale == 1.0 else logits * self.plan.logit_scale, tapped


class ResidualBlock(nn.Module):
    """ReLU-conv3x3-BN twice, the first of stride 2, beside average pooling and a 1x1 convolution (NAS-Bench-201).

    Args:
        place: channels in and out.
        norm: the batch norms.
    """

    def __init__(self, place: ResidualPlace, norm: Norm) -> None:
        super().__init__()
        self.main = nn.Sequential(
            relu_conv_norm(place.in_channels, place.out_channels, 3, norm, stride=2),
            relu_conv_norm(place.out_channels, place.out_channels, 3, norm),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(place.in_channels, place.out_channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in, height, width) -> (batch, out, ceil(height/2), ceil(width/2))."""
        return self.main(x) + self.shortcut(x)  # type: ignore[no-any-return]


class _CifarStem(nn.Module):
    def __init__(self, plan: NetworkPlan, norm: Norm) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(plan.stem_inputs, plan.stem_channels, 3, padding=1, bias=False)
        self.norm = norm(plan.stem_channels)

    def forward(self, images: Tensor) -> tuple[Features, Features]:
        features = Features(self.norm(self.convolution(images)))
        return features, features


class _ImageNetStem(nn.Module):
    def __init__(self, plan: NetworkPlan, norm: Norm) -> None:
        super().__init__()
        width = plan.stem_channels
        self.quarter = nn.Sequential(
            nn.Conv2d(plan.stem_inputs, width // 2, 3, stride=2, padding=1, bias=False),
            norm(width // 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1, bias=False),
            norm(width),
        )
        self.eighth = relu_conv_norm(width, width, 3, norm, stride=2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.quarter(images)
        return quarter, self.eighth(quarter)


class _LayerWiseStem(nn.Module):
    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, images: Tensor) -> tuple[Features, Features]:
        features = Features(self.layers(images))
        return features, features


def _make_stem(plan: NetworkPlan, norm: Norm) -> nn.Module:
    inputs, channels, stride = plan.stem_inputs, plan.stem_channels, plan.stem_stride
    if plan.mobile:
        return _LayerWiseStem(mobile_stem(inputs, plan.mobile.stem, channels, stride, norm))
    if plan.stages:
        return _LayerWiseStem(nn.Identity() if plan.whitening_is_stem else stage_stem(inputs, channels, stride, norm))
    return _CifarStem(plan, norm) if plan.stem == "cifar" else _ImageNetStem(plan, norm)


def _make_head(plan: NetworkPlan, norm: Norm) -> nn.Module:
    if plan.mobile:
        return mobile_head(plan.features, plan.mobile.head, norm)
    return nn.Sequential(norm(plan.features), nn.ReLU()) if plan.normalizes_features else nn.Identity()
