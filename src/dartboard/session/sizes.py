"""Sizes and lengths: the network of a step, its epochs, and whether the images are large enough for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dartboard.data import PHOTOGRAPH_SIDE, Splits
from dartboard.errors import GenotypeError, SettingsError
from dartboard.runs import Length
from dartboard.session.session import Session
from dartboard.settings.tree import Step
from dartboard.space import Genotype, NetworkPlan, Stem, get_space, lets_images_through, smallest_map
from dartboard.training import check_compiler

__all__ = ["check_sizes", "network_plan", "network_stem", "search_length", "search_splits", "train_epochs", "with_size"]


def network_plan(session: Session, step: Step, deeper: int = 0) -> NetworkPlan:
    """The plan of the network of a step; `deeper` adds cells to every group between reductions."""
    size = session.settings.search if step == "search" else session.settings.train
    space = get_space(session.settings.space)
    return space.plan(
        in_channels=session.dataset.image_shape[0],
        num_classes=len(session.dataset.classes),
        init_channels=size.init_channels,
        layers=space.skeleton.deepen(size.layers, deeper),
        stem=network_stem(session, size.stem),
        image_size=session.dataset.image_shape[1:],
        whitens=step == "train" and session.settings.train.whiten,
    )


def with_size(session: Session, group: Step, size: Mapping[str, Any], space: str | None = None) -> Session:
    """The session with some settings of the search or the training replaced, and optionally with another space.

    Args:
        session: the session.
        group: "search" or "train".
        size: settings of that group to replace, such as init_channels.
        space: name of another space; None keeps that of the session.
    """
    changed = getattr(session.settings, group).model_copy(update=size)
    update = {group: changed, "space": space or session.settings.space}
    return replace(session, settings=session.settings.model_copy(update=update))


def network_stem(session: Session, asked: Stem | None) -> Stem:
    """The stem that the user asked for; without one, "imagenet" for photographs and "cifar" for smaller images."""
    if asked is not None:
        return asked
    return "imagenet" if min(session.dataset.image_shape[1:]) >= PHOTOGRAPH_SIDE else "cifar"


def search_splits(session: Session) -> Splits:
    """The parts of the dataset from which weights and alpha learn in the search: a half each, or the shares asked for.

    Raises:
        DataError: a share has no image.
    """
    shares = session.settings.search.image_shares
    if shares is None:
        return session.splits
    return session.splits.shared(session.dataset.train.true_labels, shares, session.settings.split_seed)


def search_length(session: Session) -> Length:
    """Number of epochs of the search, and steps of each epoch."""
    settings, available = session.settings.search, len(search_splits(session).weights)
    if settings.epochs is not None:
        return Length(settings.epochs, settings.steps_per_epoch)
    images = _affordable(session, "search", settings.images)
    epochs = _clamp(images / available, 10, 50)
    return Length(epochs, settings.steps_per_epoch or max(1, images // (epochs * settings.batch_size)))


def train_epochs(session: Session) -> int:
    """Number of epochs of the training."""
    settings = session.settings.train
    if settings.epochs is not None:
        return settings.epochs
    return _clamp(_affordable(session, "train", settings.images) / len(session.splits.train), 8, 60)


def check_sizes(session: Session, steps: Sequence[Step] = ("search", "train")) -> None:
    """Refuse networks that cannot learn, shrink the images too far or cannot be compiled, before anything is trained.

    Raises:
        SettingsError: the smallest feature map is smaller than the space allows, or a compiler is missing.
        GenotypeError: a given architecture lets nothing of the images through.
    """
    if "train" in steps and session.settings.genotype is not None:
        given = Genotype.from_json(session.settings.genotype)
        if not lets_images_through(get_space(given.space), given, network_plan(session, "train")):
            raise GenotypeError(
                "nothing of the images passes through this architecture, since no path leads from its input to its "
                "output, so its network would give every image the same answer; train another one."
            )
    if "train" in steps and session.settings.train.compile:
        check_compiler(session.device)
    for name in steps:
        plan = network_plan(session, name)
        height, width = session.dataset.image_shape[1:]
        smallest = smallest_map(plan, (height, width))
        if min(smallest) < get_space(session.settings.space).skeleton.smallest_side:
            remedy = f" or {name}.stem=cifar" if plan.stem == "imagenet" else ""
            raise SettingsError(
                f"images of {width}x{height} pixels shrink to {smallest[1]}x{smallest[0]} in this network; use larger "
                f"images (data.image_size){remedy}."
            )


def _affordable(session: Session, step: Step, images: int) -> int:
    """Number of images of this dataset that cost about as much computation as `images` images of 32x32 pixels.

    It is at most twice `images`, since every operation has a fixed cost that smaller images do not reduce.
    """
    height, width = session.dataset.image_shape[1:]
    shrinks = network_plan(session, step).stem_stride
    return round(images * min(2.0, (32 * shrinks) ** 2 / (height * width)))


def _clamp(epochs: float, least: int, most: int) -> int:
    return max(least, min(most, round(epochs)))
