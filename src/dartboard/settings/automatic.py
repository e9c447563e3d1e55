"""The table of automatic choices: for each setting that was left open, the first rule that holds chooses its value."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from dartboard.data import PHOTOGRAPH_SIDE, DataLook
from dartboard.settings.tree import AutomaticChoice
from dartboard.wording import duration

__all__ = ["CHOSEN_SPACES", "RULES", "Rule", "Situation", "choose_by_rules"]

_FLAT = 0.1
_ACCELERATION = 20
"""How many times faster than a CPU of few cores an accelerator is taken to be, where only the order matters."""


@dataclass(frozen=True)
class Situation:
    """What the rules look at.

    Attributes:
        data: the dataset.
        budget: seconds for the whole command, or None.
        accelerator: whether there is one.
        objective: what counts, as in the settings.
        unfit: spaces that the method asked for does not fit.
    """

    data: DataLook
    budget: float | None
    accelerator: bool
    objective: str
    unfit: frozenset[str] = frozenset()

    @property
    def seconds_per_image(self) -> float:
        """CPU seconds of the budget for each training image; without a budget a middling number."""
        if self.budget is None:
            return 0.2
        return self.budget * (_ACCELERATION if self.accelerator else 1) / max(1, self.data.images)

    @property
    def is_photographs(self) -> bool:
        """Whether the images are so large that they are resized anyway."""
        return self.data.side >= PHOTOGRAPH_SIDE

    @property
    def time(self) -> str:
        """The budget in words."""
        return "minutes" if self.budget is None else duration(self.budget)


@dataclass(frozen=True)
class Rule:
    """One line of the table.

    Attributes:
        setting: dotted name of the setting that the rule chooses.
        value: what it chooses.
        holds: whether the rule applies in a situation.
        reason: why, in a sentence that may name attributes of the situation in braces.
        group: settings that only make sense together; where the user gives one of them, the rule does not apply.
    """

    setting: str
    value: Any
    holds: Callable[[Situation], bool]
    reason: str
    group: tuple[str, ...] = ()


def _always(_: Situation) -> bool:
    return True


_SMALL_BATCHES = (
    "{data.images} training images give few steps an epoch, and smaller batches more of them; the rate falls in "
    "proportion"
)


def _batches(settings: dict[str, Any], holds: Callable[[Situation], bool], reason: str) -> list[Rule]:
    return [Rule(setting, value, holds, reason, tuple(settings)) for setting, value in settings.items()]


RULES: tuple[Rule, ...] = (
    Rule(
        "space",
        "darts",
        lambda s: "nas-bench-201" in s.unfit and "darts" not in s.unfit,
        "the method asked for does not fit the cells of nas-bench-201",
    ),
    Rule(
        "space",
        "darts",
        lambda s: s.accelerator and (s.budget or 0) >= 3600 and "darts" not in s.unfit,
        "an accelerator for {time} affords the larger cells of the DARTS paper",
    ),
    Rule(
        "space",
        "nas-bench-201",
        _always,
        "its cells cost least to search and to train, so that {time} is enough for both",
    ),
    Rule(
        "method.name",
        "random",
        lambda s: s.data.images < 100,
        "{data.images} training images are too few to tell architectures apart, so one is drawn",
    ),
    Rule(
        "method.name",
        "single-darts",
        _always,
        "weights and alpha move in one backward pass on all images, at 0.6 of the cost of a DARTS step, and no "
        "method compared found better cells in as many steps (docs/benchmarks.md)",
    ),
    Rule(
        "data.image_size",
        224,
        lambda s: s.is_photographs and s.data.side >= 224 and s.seconds_per_image >= 4,
        "photographs of {data.side} pixels, and time for {seconds_per_image:.2g} seconds an image",
    ),
    Rule(
        "data.image_size",
        160,
        lambda s: s.is_photographs and s.data.side >= 160 and s.seconds_per_image >= 0.5,
        "photographs of {data.side} pixels, and time for {seconds_per_image:.2g} seconds an image",
    ),
    Rule(
        "data.image_size",
        96,
        lambda s: s.is_photographs and s.seconds_per_image < 0.08,
        "photographs of {data.side} pixels, but no more than {seconds_per_image:.2g} seconds an image",
    ),
    *(
        Rule(
            f"{step}.augment.flip",
            True,
            lambda s: s.data.channels == 1 and s.data.flat < _FLAT,
            "the commonest shade of these gray images fills {data.flat:.0%} of them, which characters and drawings "
            "exceed; of photographs a mirrored one is as good",
        )
        for step in ("search", "train")
    ),
    *_batches(
        {"train.batch_size": 256},
        lambda s: s.accelerator and s.data.images >= 10_000,
        "the batches of the NAS-Bench-201 benchmark (arXiv:2001.00326), which keep an accelerator busy",
    ),
    *_batches(
        {"train.batch_size": 128, "train.lr": 0.2},
        lambda s: not s.accelerator and s.data.images >= 10_000 and s.seconds_per_image >= 0.006,
        "{data.images} training images give steps enough in batches twice as large, which share what every step costs; "
        "the rate rises in proportion",
    ),
    *_batches(
        {"train.batch_size": 16, "train.lr": 0.025, "search.batch_size": 8},
        lambda s: s.data.images < 300,
        _SMALL_BATCHES,
    ),
    *_batches(
        {"train.batch_size": 32, "train.lr": 0.05, "search.batch_size": 16},
        lambda s: s.data.images < 1000,
        _SMALL_BATCHES,
    ),
    Rule(
        "train.imbalance",
        "logit-adjustment",
        lambda s: s.objective == "balanced-accuracy" and s.data.imbalance >= 1.5,
        "the largest class has {data.imbalance:.1f} times as many images as the smallest, and every class is to count "
        "as much as any other",
    ),
    Rule(
        "train.imbalance",
        "none",
        lambda s: s.data.imbalance >= 3,
        "the largest class has {data.imbalance:.1f} times as many images as the smallest, but what counts is the share "
        "of images, which favouring rare classes would lower (objective=balanced-accuracy turns that round)",
    ),
)
"""The table; a setting for which no rule holds stays as it is."""

CHOSEN_SPACES = tuple(dict.fromkeys(rule.value for rule in RULES if rule.setting == "space"))
"""The spaces that a rule may choose."""


def choose_by_rules(situation: Situation, given: AbstractSet[str]) -> Iterator[AutomaticChoice]:
    """The automatic choices for a dataset, a budget and a machine.

    Args:
        situation: what the rules look at.
        given: dotted names of the settings that are not left open.
    """
    chosen = set(given)
    for rule in RULES:
        if rule.setting not in chosen and not given & set(rule.group) and rule.holds(situation):
            chosen.add(rule.setting)
            yield AutomaticChoice(setting=rule.setting, value=rule.value, reason=_explained(rule.reason, situation))


def _explained(reason: str, situation: Situation) -> str:
    names = {name: getattr(situation, name) for name in ("data", "budget", "seconds_per_image", "time")}
    return reason.format(**names)
