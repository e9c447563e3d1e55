"""Figures that papers print, as data of the package: each with its source, schedule and hardware where it has one.

Nothing of it was measured here, and no mean mixes it with what was.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal

from dartboard.errors import UnknownNameError
from dartboard.runs import Record
from dartboard.wording import listing

__all__ = ["PUBLISHED", "PublishedFigure", "find_published", "same_name", "to_set_beside"]

PUBLISHED = Path(__file__).with_name("published.csv")
"""The figures as they were printed, one a row."""

_FEW = 15
"""So many names or fewer are all told."""

_ERRORS, _ACCURACIES = ("test_error", "top1_error"), ("test_accuracy", "top1_accuracy")


class PublishedFigure(Record):
    """One number that a paper or thesis prints."""

    table: str
    """Where it stands: first author, year, and table."""

    dataset: str
    """Data set, as in "CIFAR-10"."""

    space: str
    """Search space; "own" is a space of its own, and "hand-designed" no search at all."""

    method: str
    """Name of the method, that of `dartboard methods` where it is there."""

    variant: str
    """What sets it apart from other figures of the method; may be empty."""

    metric: Literal[
        "test_error",
        "test_accuracy",
        "val_accuracy",
        "top1_error",
        "top5_error",
        "top1_accuracy",
        "supernet_val_accuracy",
        "flops",
    ]
    """What was measured."""

    value: float
    """The number."""

    std: float | None
    """Standard deviation in the source's own form; null if it prints none."""

    printed: str
    """Number and deviation with the digits of the source."""

    unit: Literal["%", "M"]
    """Percent, or millions of multiply-adds."""

    schedule: str
    """How long was searched and trained; figures of different schedules are different experiments."""

    parameters: float | None
    """Learned parameters in millions; null if not printed."""

    gpu_days: float | None
    """Cost of the search in days of one GPU by the source's own count; null if not printed."""

    hardware: str
    """The hardware; empty if not printed."""

    note: str
    """What must be known to read it; may be empty."""

    source: str
    """The paper or thesis."""

    @property
    def accuracy(self) -> float | None:
        """Accuracy on test images as a fraction; None for other figures, such as that of a supernet."""
        if self.metric in _ERRORS:
            return 1 - self.value / 100
        return self.value / 100 if self.metric in _ACCURACIES else None

    @property
    def chosen_on_test(self) -> bool:
        """Whether it is of the best epoch on the test images, which is an upper end."""
        return "best test epoch" in self.schedule

    @property
    def second_hand(self) -> bool:
        """Whether the source has it from elsewhere."""
        return "second-hand" in self.note or "borrowed" in self.note

    @property
    def single(self) -> bool:
        """Whether it is of one run of several, whose mean is there too."""
        return "run " in self.variant or "seed " in self.variant


def same_name(one: str, other: str) -> bool:
    """Whether two names of data sets are the same but for case and punctuation.

    >>> same_name("cifar10", "CIFAR-10"), same_name("cifar10", "cifar100")
    (True, False)
    """
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def find_published(
    method: str | None = None, space: str | None = None, data: str | None = None
) -> tuple[PublishedFigure, ...]:
    """The published figures of a method, in a space, on a data set; None stands for all.

    Raises:
        UnknownNameError: no figure has such a method, space or data set; all that is unknown is named at once.
    """
    every = _read()
    wrong = []
    for what, asked, names in (
        ("method", method, [each.method for each in every]),
        ("space", space, [each.space for each in every]),
        ("data set", data, [each.dataset for each in every]),
    ):
        if asked is not None and not any(same_name(asked, name) for name in names):
            wrong.append(f"the {what} '{asked}' ({_offered(asked, sorted(set(names)))})")
    if wrong:
        raise UnknownNameError(
            f"there is no published figure of {listing(wrong)}; `dartboard published` without options lists all."
        )
    return tuple(
        each
        for each in every
        if (method is None or same_name(method, each.method))
        and (space is None or same_name(space, each.space))
        and (data is None or same_name(data, each.dataset))
    )


def _offered(asked: str, names: Sequence[str]) -> str:
    """The names that there are, or of many those that look like the one asked for."""
    if len(names) <= _FEW:
        return f"there are {listing(names)}"
    close = get_close_matches(asked, names, cutoff=0.5)
    return f"there are {listing(close)}" if close else f"none of {len(names)} has such a name"


def to_set_beside(
    methods: Iterable[str], spaces: Iterable[str], datasets: Iterable[str]
) -> tuple[PublishedFigure, ...]:
    """Those accuracies on test images that a table of such methods, spaces and data sets is set beside.

    Single runs whose mean is printed are left out; so are second-hand figures beside first-hand ones, variants beside
    the main figure of a method, and repetitions of a figure in another table.
    """
    wanted, places, pictures = ({_bare(name) for name in names} for names in (methods, spaces, datasets))
    groups: dict[tuple[str, str, str], list[PublishedFigure]] = {}
    for each in _read():
        of_kind = each.accuracy is not None and not each.single and "no retraining" not in each.schedule
        asked = _bare(each.method) in wanted and _bare(each.space) in places and _bare(each.dataset) in pictures
        if of_kind and asked:
            groups.setdefault((each.dataset, each.space, each.method), []).append(each)
    return tuple(each for group in groups.values() for each in _main(group))


def _main(group: Sequence[PublishedFigure]) -> Iterator[PublishedFigure]:
    first_hand = [each for each in group if not each.second_hand] or group
    plain = [each for each in first_hand if not each.variant or each.variant.startswith(("mean ", "average "))]
    kept: dict[tuple[object, ...], PublishedFigure] = {}
    for each in plain or first_hand:
        key = (round(each.accuracy or 0, 6), each.std, each.chosen_on_test, each.variant if not plain else "")
        if key not in kept or _told(each) > _told(kept[key]):
            kept[key] = each
    yield from kept.values()


def _told(figure: PublishedFigure) -> int:
    """How much is known of a figure."""
    return sum(map(bool, (figure.parameters, figure.gpu_days, figure.hardware)))


@cache
def _read() -> tuple[PublishedFigure, ...]:
    with PUBLISHED.open(encoding="utf-8", newline="") as stream:
        return tuple(map(_figure, csv.DictReader(stream)))


def _figure(row: dict[str, str]) -> PublishedFigure:
    value, std = row.pop("value"), row.pop("std")
    parameters, days = row.pop("params_M"), row.pop("cost_gpu_days")
    return PublishedFigure.model_validate(
        {
            **row,
            "value": float(value),
            "std": float(std) if std else None,
            "printed": f"{value} ± {std}" if std else value,
            "parameters": float(parameters) if parameters else None,
            "gpu_days": float(days) if days else None,
        }
    )
