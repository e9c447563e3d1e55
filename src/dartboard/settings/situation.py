"""What automatic choices depend on, and the form of a rule that makes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dartboard.data import PHOTOGRAPH_SIDE, DataLook
from dartboard.settings.presets import AUTO
from dartboard.space import get_space
from dartboard.wording import duration, listing

__all__ = ["DENSE_SIDE", "DENSE_SPACE", "Rule", "Situation"]

DENSE_SPACE = "conv-stages"

DENSE_SIDE = 16
"""Pixels of a side that the three stages of the dense space divide by 8."""

_LEAST_FOR_A_SEARCH = 7200.0
"""Seconds of a budget on a CPU below which a space with a known good network is not searched: what searches within half
an hour or an hour found was worse after the first round of the contest than the known network on all of four datasets,
and mostly worse than a random one (benchmarks/results/first_round.md)."""

_LEAST_ON_AN_ACCELERATOR = 1800.0
"""The same where there is an accelerator, on which nothing of it has been measured."""

_FLAT = 0.1
"""Share of an image of one shade from which on it counts as a drawing or a character."""

_LONGEST_PHOTOGRAPH = 2.0
_ACCELERATION = 20
"""Assumed speed of an accelerator relative to a CPU with few cores; only the order of magnitude matters."""


@dataclass(frozen=True)
class Situation:
    """The facts that the rules depend on.

    Attributes:
        data: facts about the dataset.
        budget: seconds for the whole command, or None.
        accelerator: whether the run uses an accelerator.
        objective: the objective, as in the settings.
        unfit: spaces that do not fit the method that the user asked for.
        space: name of the space; "auto" until it is chosen.
        image_size: side of the images that the user asked for, or None.
        contests: whether a contest may decide what the command trains.
        starts: whether the search starts at a given architecture, so that one must not be drawn instead.
    """

    data: DataLook
    budget: float | None
    accelerator: bool
    objective: str
    unfit: frozenset[str] = frozenset()
    space: str = AUTO
    image_size: int | None = None
    contests: bool = True
    starts: bool = False

    @property
    def seconds_per_image(self) -> float:
        """Seconds of the budget for each training image, in terms of a CPU; without a budget a medium value."""
        if self.budget is None:
            return 0.2
        return self.budget * (_ACCELERATION if self.accelerator else 1) / max(1, self.data.images)

    @property
    def is_large(self) -> bool:
        """Whether the images are as large as photographs, which are resized anyway."""
        return self.data.side >= PHOTOGRAPH_SIDE

    @property
    def is_photographs(self) -> bool:
        """Whether a part of an image shows as much as the whole: not of letters, boards, spectrograms or drawings."""
        return self.is_large and not self.drawn

    @property
    def has_short_recipe(self) -> bool:
        """Whether the networks of the space are trained by the recipe of short trainings."""
        return self.space != AUTO and get_space(self.space).short_recipe

    @property
    def has_known(self) -> bool:
        """Whether an architecture of the space is known to be good, which a contest falls back on."""
        return self.space != AUTO and get_space(self.space).known is not None

    @property
    def is_short(self) -> bool:
        """Whether there is a budget that is too small for a search to be worth its time."""
        least = _LEAST_ON_AN_ACCELERATOR if self.accelerator else _LEAST_FOR_A_SEARCH
        return self.budget is not None and self.budget < least

    @property
    def drawn(self) -> str:
        """What speaks against photographs, in words; empty if nothing does."""
        data = self.data
        found = {
            f"{data.flat:.0%} of an image has one shade": data.flat >= _FLAT,
            f"{data.handed:.0%} of them are more like their class than their mirror images are": data.is_handed,
            f"they are {data.aspect:.1f} times as long as wide": data.aspect > _LONGEST_PHOTOGRAPH,
            "neighbouring pixels tell nothing of one another": data.is_table,
        }
        return listing(reason for reason, holds in found.items() if holds)

    @property
    def mirrors(self) -> bool:
        """Whether a mirror image is as good: where left and right mean nothing, in colours or in gray photographs."""
        return not self.data.is_handed and not self.data.is_table and (self.data.channels > 1 or self.data.flat < _FLAT)

    @property
    def time(self) -> str:
        """The budget in words."""
        return "minutes" if self.budget is None else duration(self.budget)


@dataclass(frozen=True)
class Rule:
    """One line of the table.

    Attributes:
        setting: dotted name of the setting that the rule chooses.
        value: the value that it chooses.
        holds: tells whether the rule applies in a situation.
        reason: the reason, in a text that may name attributes of the situation in braces.
        group: settings that only make sense together; if the user gives one of them, the rule does not apply.
    """

    setting: str
    value: Any
    holds: Callable[[Situation], bool]
    reason: str
    group: tuple[str, ...] = ()

    def explained(self, situation: Situation) -> str:
        """The reason, with what it names of the situation."""
        names = {name: getattr(situation, name) for name in ("data", "budget", "time", "drawn")}
        return self.reason.format(**names)
