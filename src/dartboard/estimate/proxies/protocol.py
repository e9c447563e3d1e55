"""What a zero-cost proxy is given and gives, and the registry of proxies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import update_wrapper

import torch
from torch import Tensor

from dartboard.errors import SettingsError
from dartboard.estimate.proxies.start import Start, begin
from dartboard.kernels.choice import plain_kernels
from dartboard.registry import Registry
from dartboard.runs import derive_seed, make_generator, seeded_initialization
from dartboard.space import Genotype, Network, NetworkPlan, SearchSpace, Stem, smallest_map

__all__ = ["PROXIES", "Conditions", "Measure", "Proxy", "Untrained", "proxy"]


@dataclass(frozen=True)
class Conditions:
    """Under which conditions architectures are scored: one batch of images, and the size of their networks.

    Attributes:
        images: normalised images or noise, shape (batch, channels, height, width), on the device of the networks.
        labels: their classes, int64, shape (batch,); proxies with a loss need them.
        classes: number of classes.
        init_channels: width of the networks; None for that of the small networks of each space.
        layers: depth of the networks, as their space counts layers; None for that of the small networks.
        stem: how the networks begin.
    """

    images: Tensor
    labels: Tensor
    classes: int
    init_channels: int | None = None
    layers: int | None = None
    stem: Stem = "cifar"

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images."""
        return self.images.shape[2], self.images.shape[3]

    def plan(self, space: SearchSpace) -> NetworkPlan:
        """The network that is scored in a space.

        Raises:
            SettingsError: the space has no network of that size, or the images are too small for it.
        """
        width, depth = space.small_size
        plan = space.plan(
            in_channels=self.images.shape[1],
            num_classes=self.classes,
            init_channels=width if self.init_channels is None else self.init_channels,
            layers=depth if self.layers is None else self.layers,
            stem=self.stem,
            image_size=self.image_size,
        )
        height, width = self.image_size
        if min(smallest_map(plan, self.image_size)) < space.skeleton.smallest_side:
            raise SettingsError(
                f"images of {width}x{height} pixels are too small for the networks of the space '{space.name}'; use "
                "larger images."
            )
        return plan


@dataclass(frozen=True)
class Untrained:
    """An architecture with everything that a proxy may look at; no network in it has ever been trained.

    Attributes:
        space: the space of the architecture.
        genotype: the architecture.
        plan: the network that is scored.
        conditions: the images and their labels.
        seed: root of all that is drawn: weights, noise, signs.
    """

    space: SearchSpace
    genotype: Genotype
    plan: NetworkPlan
    conditions: Conditions
    seed: int

    def numbered(self, number: int) -> "Untrained":
        """The same with other weights and noise; `number` tells the initialisations apart."""
        return replace(self, seed=derive_seed(self.seed, "initialisation", number))

    def network(self, start: Start = "default", plan: NetworkPlan | None = None) -> Network:
        """A new network in training mode, on the device of the images.

        Args:
            start: how its weights are drawn.
            plan: another network of the same architecture; None for the one that is scored.
        """
        with seeded_initialization(self.seed, "proxies", "weights"):
            network = Network(self.space, self.genotype, plan or self.plan)
        begin(network, start, make_generator(self.seed, "proxies", start))
        return network.to(self.conditions.images.device).train()

    def noise(self, *shape: int, purpose: str = "noise") -> Tensor:
        """Standard normal noise of a shape, on the device of the images; each purpose has noise of its own."""
        drawn = torch.randn(*shape, generator=make_generator(self.seed, "proxies", purpose))
        return drawn.to(self.conditions.images.device)


Measure = Callable[[Untrained], float | Mapping[str, float]]
"""Takes an untrained architecture; gives a number, or several numbers by name, which are combined by ranks."""


class Proxy:
    """A registered proxy: how it is measured, and how its numbers are read.

    Args:
        measure: the decorated function.
        lower_is_better: whether small numbers promise more.
        initialisations: over how many initialisations the mean is taken.
        refuse: gives the reason why an architecture cannot have the proxy, as the end of a sentence about its network;
            empty where it can.
    """

    def __init__(
        self,
        measure: Measure,
        *,
        lower_is_better: bool = False,
        initialisations: int = 3,
        refuse: Callable[[Untrained], str] = lambda _: "",
    ) -> None:
        self.measure, self.lower_is_better = measure, lower_is_better
        self.initialisations, self.refuse = initialisations, refuse
        update_wrapper(self, measure)

    def __call__(self, untrained: Untrained) -> float | Mapping[str, float]:
        """Measure one initialisation, with torch's own kernels: all ReLUs of the definition are really computed."""
        with plain_kernels():
            return self.measure(untrained)


PROXIES: Registry[Proxy] = Registry("proxy", "dartboard.proxies", given=("untrained",))


def proxy(
    name: str,
    *,
    paper: str = "",
    group: str = "",
    lower_is_better: bool = False,
    initialisations: int = 3,
    refuse: Callable[[Untrained], str] = lambda _: "",
) -> Callable[[Measure], Measure]:
    """Register the decorated function as the proxy `name`.

    Args:
        name: registry name, as in `--proxies NAME`.
        paper: where it was published.
        group: what it looks at, a key of `REGISTRIES["proxies"].groups`.
        lower_is_better: whether small numbers promise more.
        initialisations: over how many initialisations the mean is taken; 1 for what does not depend on the weights.
        refuse: gives the reason why an architecture cannot have the proxy, as the end of a sentence about its network;
            empty where it can.
    """

    def register(measure: Measure) -> Measure:
        made = Proxy(measure, lower_is_better=lower_is_better, initialisations=initialisations, refuse=refuse)
        PROXIES.add(name, made, paper=paper, group=group, written=measure)
        return measure

    return register
