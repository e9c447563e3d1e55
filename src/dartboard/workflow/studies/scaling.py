"""Lengths of a study as shares of those of its protocol."""

from typing import Any

from dartboard.parts.recipe import make_recipe
from dartboard.settings import RunSettings

__all__ = ["scaled_lengths", "told_lengths"]

Lengths = dict[str, tuple[int, int]]

_IN_WORDS = {
    "search.epochs": "epochs of search",
    "search.images": "images of search",
    "train.epochs": "epochs of training",
    "train.images": "images of training",
    "short_train_epochs": "epochs of short training",
}


def scaled_lengths(settings: RunSettings, scale: float) -> Lengths:
    """Length -> its value in the settings, and so many of it as the scale says; empty at a scale of 1.

    A length of at least 1 is left, and a method in stages keeps one epoch for each of them.

    Args:
        settings: resolved settings of a trial at full length.
        scale: share of the lengths, in (0, 1].
    """
    if scale == 1:
        return {}
    stages = len(make_recipe(settings.method.name, settings.method.options).stages)
    whole: dict[str, tuple[int | None, int]] = {
        "search.epochs": (settings.search.epochs, stages),
        "search.images": (None if settings.search.epochs else settings.search.images, 1),
        "train.epochs": (settings.train.epochs, 1),
        "train.images": (None if settings.train.epochs else settings.train.images, 1),
        "short_train_epochs": (settings.short_train_epochs, 1),
    }
    return {
        name: (length, min(length, max(least, round(scale * length))))
        for name, (length, least) in whole.items()
        if length is not None
    }


def told_lengths(lengths: Lengths, names: tuple[str, ...] = ()) -> str:
    """Lengths beside those of the protocol, as the middle of a sentence.

    Args:
        lengths: as `scaled_lengths` gives them.
        names: of the lengths that count; all without any.

    >>> told_lengths({"search.epochs": (50, 3), "train.epochs": (600, 30)})
    '3 of 50 epochs of search, 30 of 600 epochs of training'
    """
    told = {name: each for name, each in lengths.items() if not names or name in names}
    return ", ".join(f"{now:,} of {before:,} {_IN_WORDS[name]}" for name, (before, now) in told.items())


def layer_of(lengths: Lengths) -> dict[str, Any]:
    """The lengths as a layer of settings."""
    return {name: now for name, (_, now) in lengths.items()}
