"""The width of a trained network where `train.max_multiply_adds` limits what one image may cost."""

from collections.abc import Sequence

from dartboard.errors import SettingsError
from dartboard.session.baselines import multiply_adds
from dartboard.session.session import Session
from dartboard.session.sizes import with_size
from dartboard.settings.tree import Step
from dartboard.space import Genotype

__all__ = ["check_limit", "largest_width", "within_limit"]

_WIDEST = 4096


def check_limit(session: Session, steps: Sequence[Step]) -> None:
    """Refuse a limit beside other settings that decide the width of the trained network, before anything is done.

    Raises:
        SettingsError: there is a time budget, or the training begins with the weights of the search.
    """
    settings = session.settings
    if "train" not in steps or settings.train.max_multiply_adds is None:
        return
    if settings.budget is not None:
        raise SettingsError(
            "train.max_multiply_adds and a budget both decide how wide the trained network is; leave out one of them."
        )
    if settings.train.start != "fresh":
        raise SettingsError(
            f"train.start={settings.train.start} begins with weights of the width of the search, and "
            "train.max_multiply_adds chooses another width; leave out one of them."
        )


def within_limit(session: Session, genotype: Genotype) -> Session:
    """The session with the largest width of the trained network that the limit allows; the same one without a limit.

    Args:
        session: the session.
        genotype: the architecture to train.

    Raises:
        SettingsError: even the narrowest network of the architecture is above the limit.
    """
    train = session.settings.train
    if train.max_multiply_adds is None:
        return session
    width = largest_width(session, genotype, train.layers, train.max_multiply_adds)
    session.observer.note(
        f"The network has {width} channels, the largest even width with at most {train.max_multiply_adds:,} "
        f"multiply-adds for one image: {multiply_adds(session, genotype, width, train.layers):,}."
    )
    return with_size(session, "train", {"init_channels": width}, genotype.space)


def largest_width(session: Session, genotype: Genotype, layers: int, limit: int) -> int:
    """The largest even `init_channels` of a network with at most `limit` multiply-adds for one image of the dataset.

    Source: Single-DARTS (arXiv:2108.08128) scales its cell so for ImageNet, to below 600 million.

    Args:
        session: the session, which knows the size of the images.
        genotype: the architecture.
        layers: depth of the network.
        limit: the most multiply-adds.

    Raises:
        SettingsError: two channels are too many.
    """
    low, high = 0, 2
    while high <= _WIDEST and multiply_adds(session, genotype, high, layers) <= limit:
        low, high = high, 2 * high
    while high - low > 2:
        middle = (low + high) // 4 * 2
        low, high = (middle, high) if multiply_adds(session, genotype, middle, layers) <= limit else (low, middle)
    if not low:
        least = multiply_adds(session, genotype, 2, layers)
        raise SettingsError(
            f"the narrowest network of this architecture has {least:,} multiply-adds for one image, more than "
            f"train.max_multiply_adds={limit:,}; raise the limit, or lower train.layers (now {layers})."
        )
    return low
