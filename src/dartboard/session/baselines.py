"""Baselines: networks of about the same cost as the one found, to compare it with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from dartboard.engine.finished.proposals import propose_random
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.registry import Entry, Registry, leaving_out
from dartboard.runs import make_generator
from dartboard.session.limits import limit_of, measured_width
from dartboard.session.search import only_draws
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, with_size
from dartboard.space import PUBLISHED, Genotype, get_space, network_cost, smallest_map

__all__ = [
    "BASELINES",
    "FOUND",
    "BaselineBuilder",
    "BaselineNetwork",
    "baseline",
    "find_baselines",
    "find_rivals",
    "holds_contest",
    "is_comparable",
    "multiply_adds",
    "network_found",
    "trains_baselines",
]

FOUND = "found"
"""Name of the network found, beside the names of the baselines."""

_RANDOM = "a random architecture of the space"
_MOST_DRAWS = 1000
_RESNET_WIDTHS = range(2, 257, 2)


@dataclass(frozen=True)
class BaselineNetwork:
    """A network that the network found is compared with.

    Attributes:
        what: description in words, such as "a plain ResNet-20".
        genotype: its architecture.
        init_channels: its width.
        layers: its depth, as the genotype's space counts layers.
        name: name of its run directory; `find_baselines` sets it to the registry name.
    """

    what: str
    genotype: Genotype
    init_channels: int
    layers: int
    name: str = ""


BaselineBuilder = Callable[[Session, Genotype], BaselineNetwork | None]
"""Takes a session with its search done and the architecture found; gives a network to train by the same recipe."""

BASELINES: Registry[BaselineBuilder] = Registry(
    "baseline", "dartboard.baselines", given=("session", "genotype"), gives=BaselineNetwork
)


def baseline(name: str, *, paper: str = "") -> Callable[[BaselineBuilder], BaselineBuilder]:
    """Register the decorated function as the baseline `name`."""

    def register(function: BaselineBuilder) -> BaselineBuilder:
        BASELINES.add(name, function, paper=paper)
        return function

    return register


def network_found(session: Session, genotype: Genotype) -> BaselineNetwork:
    """The network of the search, in the form of what it is compared with."""
    size = session.settings.train
    what = "a random architecture" if only_draws(session.settings) else "the network found"
    width = measured_width(session, genotype) or size.init_channels
    return BaselineNetwork(what, genotype, width, size.layers, FOUND)


def is_comparable(session: Session) -> bool:
    """Whether there are test images with labels; the comparison with baselines needs them."""
    test = session.splits.view(session.dataset, "test")
    return bool(len(test)) and test.labelled


def trains_baselines(session: Session) -> bool:
    """Whether the baselines are trained to the end; a contest with them takes the place of that."""
    settings = session.settings
    return settings.genotype is None and settings.baselines and not holds_contest(session) and is_comparable(session)


def holds_contest(session: Session) -> bool:
    """Whether a contest decides which network is trained: it needs images that are held out."""
    return session.settings.contest and len(session.splits.validation) > 0


def find_baselines(session: Session, genotype: Genotype) -> Iterator[BaselineNetwork]:
    """The registered baselines of a network, in the order of their names.

    One of another package that fails is left out, with a warning.

    Args:
        session: session with the data read and the search done.
        genotype: architecture of the network found.
    """
    for entry in BASELINES:
        network = None
        with leaving_out(BASELINES.kind, entry.name, entry.place):
            network = _built(entry, session, genotype)
        network = network and narrowed(session, network)
        if network is not None:
            yield replace(network, name=entry.name)


def narrowed(session: Session, network: BaselineNetwork) -> BaselineNetwork | None:
    """The network with the width that the limits of the run allow it; None, with a note, where there is none."""
    size = {"init_channels": network.init_channels, "layers": network.layers}
    width = measured_width(with_size(session, "train", size, network.genotype.space), network.genotype)
    if width is None:
        session.observer.note(f"Even the narrowest network of {network.what} is above the limits, so it is left out.")
        return None
    return replace(network, init_channels=width)


def _built(entry: Entry[BaselineBuilder], session: Session, genotype: Genotype) -> BaselineNetwork | None:
    built = entry.factory(session, genotype)
    return None if built is None else cast("BaselineNetwork", BASELINES.made(entry.name, lambda: built))


def find_rivals(session: Session, genotype: Genotype) -> list[BaselineNetwork]:
    """What competes with the network found: the baselines of another architecture, or the random ones asked for.

    The random ones differ from each other and from the network found. There are fewer than asked for where the space
    has no more.
    """
    settings = session.settings
    if not settings.contest_random:
        return [each for each in find_baselines(session, genotype) if each.genotype != genotype]
    space, size = get_space(settings.space), settings.train
    generator = make_generator(settings.seed, "contest", "random")
    _, *drawn = propose_random(space, genotype, 1 + settings.contest_random, generator, limit_of(session))
    rivals = [
        BaselineNetwork(_RANDOM, each, size.init_channels, size.layers, f"random-{number}" if number > 1 else "random")
        for number, each in enumerate(drawn, 1)
    ]
    return [each for rival in rivals if (each := narrowed(session, rival))]


@baseline("random")
def random_architecture(session: Session, _found: Genotype) -> BaselineNetwork | None:
    """A random architecture of the space, as wide and as deep as the one found; none if that is a random one itself."""
    settings = session.settings
    if only_draws(settings):
        return None
    generator = make_generator(settings.seed, "yardsticks", "random")
    drawn, in_vain = UniformlyRandom().draw(get_space(settings.space), generator)
    limit, tries = limit_of(session), 0
    while limit is not None and not limit.admits(drawn) and tries < _MOST_DRAWS:
        drawn, tries = UniformlyRandom()(get_space(settings.space), {}, generator), tries + 1
    what = f"{_RANDOM} (number {in_vain + 1} drawn: nothing of the images passes those before)" if in_vain else _RANDOM
    size = settings.train
    return BaselineNetwork(what, drawn, size.init_channels, size.layers)


@baseline("resnet", paper="arXiv:1512.03385")
def plain_resnet(session: Session, found: Genotype) -> BaselineNetwork:
    """A plain ResNet, with the width that comes nearest to the multiply-adds of the network found.

    Its blocks are those of NAS-Bench-201 (arXiv:2001.00326). In a space with a ResNet of its own it is that one, as
    wide as the network found.
    """
    size, space = session.settings.train, get_space(session.settings.space)
    aim = multiply_adds(session, found, size.init_channels, size.layers)
    if space.resnet is not None:
        return BaselineNetwork("the ResNet of the space", PUBLISHED[space.resnet], size.init_channels, size.layers)
    resnet = PUBLISHED["nas-bench-201-resnet"]
    layers = size.layers if space.name == resnet.space else max(1, size.layers // 3)
    width = min(_RESNET_WIDTHS, key=lambda channels: abs(multiply_adds(session, resnet, channels, layers) - aim))
    return BaselineNetwork(f"a plain ResNet-{6 * layers + 6}", resnet, width, layers)


@baseline("by-hand", paper="arXiv:2404.00498")
def network_by_hand(session: Session, found: Genotype) -> BaselineNetwork | None:
    """The network of the CIFAR-10 speed runs: six dense convolutions.

    It is as wide as the network found if that is of the space conv-stages. Otherwise its width is the one that comes
    nearest to the multiply-adds of that network. Images of a few pixels are too small for its poolings.
    """
    size, by_hand = session.settings.train, PUBLISHED["conv-stages-by-hand"]
    skeleton = get_space(by_hand.space).skeleton
    layers = skeleton.fewest_layers
    if found.space == by_hand.space:
        return BaselineNetwork("the network by hand", by_hand, size.init_channels, layers)
    plan = network_plan(with_size(session, "train", {"layers": layers}, by_hand.space), "train")
    height, width = session.dataset.image_shape[1:]
    if min(smallest_map(plan, (height, width))) < skeleton.smallest_side:
        return None
    aim = multiply_adds(session, found, size.init_channels, size.layers)
    widths = range(8, 129, 8)
    chosen = min(widths, key=lambda channels: abs(multiply_adds(session, by_hand, channels, layers) - aim))
    return BaselineNetwork("the network by hand", by_hand, chosen, layers)


def multiply_adds(session: Session, genotype: Genotype, init_channels: int, layers: int) -> int:
    """Multiply-adds of a network of this size for one image of the dataset."""
    sized = with_size(session, "train", {"init_channels": init_channels, "layers": layers}, genotype.space)
    plan = network_plan(sized, "train")
    height, width = session.dataset.image_shape[1:]
    return network_cost(get_space(genotype.space), genotype, plan, (height, width)).multiply_adds
