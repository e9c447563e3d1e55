"""What a searched network is compared with: others of about its cost."""

from collections.abc import Iterator
from dataclasses import dataclass

from dartboard.parts import UniformlyRandom
from dartboard.runs import make_generator
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, with_size
from dartboard.space import PUBLISHED, Genotype, get_space, network_cost

__all__ = ["BaselineNetwork", "find_baselines", "is_comparable", "multiply_adds"]

_RESNET_WIDTHS = range(2, 257, 2)


@dataclass(frozen=True)
class BaselineNetwork:
    """A network to compare with.

    Attributes:
        name: of its run directory.
        what: it is, in words.
        genotype: its architecture.
        init_channels: its width.
        layers: its depth, as the genotype's space counts.
    """

    name: str
    what: str
    genotype: Genotype
    init_channels: int
    layers: int


def is_comparable(session: Session) -> bool:
    """Whether there are test images with labels, without which nothing can be compared."""
    test = session.splits.view(session.dataset, "test")
    return bool(len(test)) and test.labelled


def find_baselines(session: Session, genotype: Genotype) -> Iterator[BaselineNetwork]:
    """The baselines of a network: a random architecture, then a plain ResNet; see `compare_baselines`."""
    size, space = session.settings.train, get_space(session.settings.space)
    drawn = UniformlyRandom()(space, {}, make_generator(session.settings.seed, "yardsticks", "random"))
    yield BaselineNetwork("random", "a random architecture of the space", drawn, size.init_channels, size.layers)
    aim = multiply_adds(session, genotype, size.init_channels, size.layers)
    resnet = PUBLISHED["nas-bench-201-resnet"]
    layers = size.layers if space.name == resnet.space else max(1, size.layers // 3)
    width = min(_RESNET_WIDTHS, key=lambda channels: abs(multiply_adds(session, resnet, channels, layers) - aim))
    yield BaselineNetwork("resnet", f"a plain ResNet-{6 * layers + 6}", resnet, width, layers)


def multiply_adds(session: Session, genotype: Genotype, init_channels: int, layers: int) -> int:
    """What a network of that size costs for one image of the dataset."""
    sized = with_size(session, "train", {"init_channels": init_channels, "layers": layers}, genotype.space)
    plan = network_plan(sized, "train")
    height, width = session.dataset.image_shape[1:]
    return network_cost(get_space(genotype.space), genotype, plan, (height, width)).multiply_adds
