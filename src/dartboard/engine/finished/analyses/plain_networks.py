"""Plain networks whose units change places, to set the shuffling of a supernet against."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import CosineAnnealingLR

from dartboard.data import Batches
from dartboard.engine.finished.analyses.protocol import scored
from dartboard.engine.finished.search import FinishedSearch
from dartboard.errors import SettingsError, suggest
from dartboard.runs import Score, ScoreMeter, derive_seed, seeded_initialization
from dartboard.wording import listing

__all__ = [
    "PLAIN_NETWORKS",
    "PlainNetwork",
    "Statistics",
    "check_plain",
    "exchanged_units",
    "resnet56",
    "shuffled_network",
    "swappable",
    "vgg19_bn",
]

Statistics = Literal["running", "batch"]

_BATCH = 128


class PlainNetwork(nn.Module):
    """A classifier that is a row of stages, each a row of units, with global average pooling and a linear layer.

    Args:
        stem: before the first stage.
        stages: units of every stage.
        between: after every stage.
        features: channels after the last stage.
        num_classes: of the labels.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[Sequence[nn.Module]],
        between: nn.Module,
        features: int,
        num_classes: int,
    ) -> None:
        super().__init__()
        self.stem, self.between = stem, between
        self.stages = nn.ModuleList(nn.ModuleList(units) for units in stages)
        self.classifier = nn.Linear(features, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, channels, height, width) -> logits (batch, classes)."""
        x = self.stem(images)
        for units in self.stages:
            assert isinstance(units, nn.ModuleList)
            for unit in units:
                x = unit(x)
            x = self.between(x)
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside an identity, or beside every other pixel with zeros for new channels.

    Paper: He et al., arXiv:1512.03385, option A.

    Args:
        inputs: channels in.
        channels: channels out.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.stride, self.added = stride, channels - inputs
        self.main = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, height, width) -> (batch, channels, height / stride, width / stride), rounded up."""
        beside = functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
        return functional.relu(self.main(x) + beside)


def vgg19_bn(in_channels: int, num_classes: int) -> PlainNetwork:
    """VGG-19 with batch norm and one linear layer (arXiv:1409.1556): stages of 2, 2, 4, 4 and 4 convolutions."""
    stages, inputs = [], in_channels
    for width, count in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        channels = [inputs, *[width] * count]
        stages.append([_conv_norm_relu(one, width) for one in channels[:-1]])
        inputs = width
    # With ceil_mode a map of one pixel stays one, so small images can be classified.
    return PlainNetwork(nn.Identity(), stages, nn.MaxPool2d(2, ceil_mode=True), 512, num_classes)


def resnet56(in_channels: int, num_classes: int) -> PlainNetwork:
    """ResNet-56 for small images (arXiv:1512.03385, section 4.2): three stages of nine basic blocks."""
    stages, inputs = [], 16
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        stages.append([BasicBlock(inputs, width, stride), *(BasicBlock(width, width, 1) for _ in range(8))])
        inputs = width
    return PlainNetwork(_conv_norm_relu(in_channels, 16), stages, nn.Identity(), 64, num_classes)


PLAIN_NETWORKS: Mapping[str, Callable[[int, int], PlainNetwork]] = MappingProxyType(
    {"vgg19_bn": vgg19_bn, "resnet56": resnet56}
)
"""Name -> builder from the channels of the images and the number of classes."""


def _conv_norm_relu(inputs: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())


def check_plain(name: str) -> None:
    """Refuse a name that no plain network has.

    Raises:
        SettingsError: there is no such network.
    """
    if name not in PLAIN_NETWORKS:
        raise SettingsError(
            f"there is no plain network '{name}' to shuffle, only {listing(PLAIN_NETWORKS)}; "
            f"{suggest(name, PLAIN_NETWORKS)}"
        )


def swappable(network: PlainNetwork, image: Tensor) -> list[list[int]]:
    """For every stage the units that map a shape to the same shape, so that any two of them can change places.

    Args:
        network: whose units are looked at.
        image: (channels, height, width), of the form of its images.
    """
    shapes: dict[nn.Module, tuple[torch.Size, torch.Size]] = {}

    def note(unit: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shapes[unit] = inputs[0].shape, output.shape

    stages = [list(stage.children()) for stage in network.stages]
    handles = [unit.register_forward_hook(note) for units in stages for unit in units]
    was_training = network.training
    with torch.no_grad():
        network.eval()(image[None])
    network.train(was_training)
    for handle in handles:
        handle.remove()
    return [
        [number for number, unit in enumerate(units) if shapes[unit][0] == shapes[unit][1]]  # same shape in and out
        for units in stages
    ]


@contextmanager
def exchanged_units(network: PlainNetwork, pairs: Sequence[tuple[int, int, int]]) -> Iterator[None]:
    """A context in which two units of some stages have changed places, with all their weights and averages.

    Args:
        network: changed in place, and put back at the end.
        pairs: (stage, unit, other unit).
    """
    for stage, one, other in pairs:
        _exchange(network, stage, one, other)
    try:
        yield
    finally:
        for stage, one, other in reversed(pairs):
            _exchange(network, stage, one, other)


def _exchange(network: PlainNetwork, stage: int, one: int, other: int) -> None:
    units = network.stages[stage]
    assert isinstance(units, nn.ModuleList)
    units[one], units[other] = units[other], units[one]


def shuffled_network(
    name: str, finished: FinishedSearch, *, epochs: int, permutations: int, norms: Statistics
) -> dict[str, Any]:
    """Train a plain network on the images of the weights, and score it before and after units change places.

    Args:
        name: of the network.
        finished: whose images are taken.
        epochs: of the training: SGD with a rate of 0.1 along a cosine, momentum 0.9, decay 5e-4, batches of 128.
        permutations: drawn, each with a pair of units in every stage that has two.
        norms: whether the norms use running averages, or those of each batch.

    Returns:
        The plain data of a `ShuffledNetwork` without its name.
    """
    batches = finished.stage.batches
    first = next(batches.validation.in_order())
    num_classes = int(finished.stage.supernet.get_parameter("backbone.classifier.weight").shape[0])
    with seeded_initialization(derive_seed(finished.seed, "analysis"), "plain", name):
        network = PLAIN_NETWORKS[name](first.images.shape[1], num_classes)
    network.to(device=finished.problem.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = batches.weights.enlarged(_BATCH - batches.weights.batch_size)
    _train(network, weights, epochs, finished.generator("plain", name))
    network.train(norms == "batch")
    before = _score(network, batches.validation).accuracy
    groups = swappable(network, first.images[0])
    accuracies: list[float] = []
    found: list[dict[str, Any]] = []
    for number in range(1, permutations + 1):
        generator = finished.generator("shuffling", name, number)
        pairs = [(stage, *_two_of(units, generator)) for stage, units in enumerate(groups) if len(units) > 1]
        with exchanged_units(network, pairs):
            accuracies.append(_score(network, batches.validation).accuracy)
        names = [f"stage {stage + 1}: units {one + 1} and {other + 1}" for stage, one, other in pairs]
        found.append({"accuracy": accuracies[-1], "exchanged": names})
    after = {"after": statistics.fmean(accuracies), "after_std": statistics.pstdev(accuracies)}
    return {"epochs": epochs, "before": before, **after, "permutations": found}


def _two_of(units: Sequence[int], generator: torch.Generator) -> tuple[int, int]:
    """Two different units, drawn, in their order."""
    one, other = sorted(units[int(place)] for place in torch.randperm(len(units), generator=generator)[:2])
    return one, other


def _train(network: PlainNetwork, batches: Batches, epochs: int, generator: torch.Generator) -> None:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = CosineAnnealingLR(optimizer, epochs)
    network.train()
    for _ in range(epochs):
        for batch in batches.epoch(generator):
            optimizer.zero_grad()
            functional.cross_entropy(network(batch.images), batch.labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()


@torch.no_grad()
def _score(network: PlainNetwork, batches: Batches) -> Score:
    """The score on validation images; batch statistics leave the running averages as they are."""
    kept = {name: value.clone() for name, value in network.named_buffers()}
    meter = ScoreMeter(batches.device)
    for batch in batches.in_order():
        logits = network(batch.images)
        meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
    for name, value in network.named_buffers():
        value.copy_(kept[name])
    return scored(meter.read())
