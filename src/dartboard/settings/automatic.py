"""The table of automatic choices: for each setting that was left open, the first rule that holds chooses its value."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from dartboard.settings.alternatives import why_not
from dartboard.settings.situation import DENSE_SIDE, DENSE_SPACE, Rule, Situation
from dartboard.settings.tree import AutomaticChoice

__all__ = ["CHOSEN_SPACES", "RULES", "choose_by_rules"]


def _always(_: Situation) -> bool:
    return True


_SMALL_BATCHES = (
    "{data.images} training images give few steps per epoch, and smaller batches give more; the learning rate is "
    "lowered in proportion"
)


def _batches(settings: dict[str, Any], holds: Callable[[Situation], bool], reason: str) -> list[Rule]:
    return [Rule(setting, value, holds, reason, tuple(settings)) for setting, value in settings.items()]


RULES: tuple[Rule, ...] = (
    Rule(
        "space",
        DENSE_SPACE,
        lambda s: (
            DENSE_SPACE not in s.unfit
            and (s.image_size or s.data.side) >= DENSE_SIDE
            and not (s.accelerator and (s.budget or 0) >= 3600)
        ),
        "dense convolutions of wide, small maps keep a processor multiplying, and the network of the CIFAR-10 speed "
        "runs (arXiv:2404.00498) is one of its members",
    ),
    Rule(
        "space",
        "darts",
        lambda s: "nas-bench-201" in s.unfit and "darts" not in s.unfit,
        "the given method does not fit the cells of nas-bench-201",
    ),
    Rule(
        "space",
        "darts",
        lambda s: s.accelerator and (s.budget or 0) >= 3600 and "darts" not in s.unfit,
        "in {time} an accelerator can search the larger cells of the DARTS paper",
    ),
    Rule(
        "space",
        "nas-bench-201",
        _always,
        "its cells take the least time to search and to train, so that both fit into {time}",
    ),
    Rule(
        "method.name",
        "random",
        lambda s: s.data.images < 100 and not s.starts,
        "{data.images} training images are too few to compare architectures, so one is drawn at random",
    ),
    Rule(
        "method.name",
        "random",
        lambda s: s.has_known and s.contests and not s.starts and s.is_short,
        "in {time} a search learns too little to be worth its time, so an architecture is drawn",
    ),
    Rule(
        "method.name",
        "single-darts",
        lambda s: s.has_short_recipe,
        "one backward pass on all images updates weights and alphas; which method searches this space best is not "
        "known, so what it finds is compared with other networks",
    ),
    Rule(
        "method.name",
        "single-darts",
        _always,
        "one backward pass on all images updates weights and alphas, at 0.6 of the cost of a DARTS step, and no other "
        "method that was measured found better cells in the same number of steps (docs/benchmarks.md)",
    ),
    Rule(
        "data.image_size",
        224,
        lambda s: s.is_large and s.data.side >= 224 and s.seconds_per_image >= 4,
        "images of {data.side} pixels: in {time}, {data.images} training images are seen often enough at this size",
    ),
    Rule(
        "data.image_size",
        160,
        lambda s: s.is_large and s.data.side >= 160 and s.seconds_per_image >= 0.5,
        "images of {data.side} pixels: in {time}, {data.images} training images are seen often enough at this "
        "size, but not at a larger one",
    ),
    Rule(
        "data.image_size",
        96,
        lambda s: s.is_large and s.seconds_per_image < 0.08,
        "images of {data.side} pixels: in {time}, {data.images} training images are seen often enough only at a "
        "small size",
    ),
    *(
        Rule(
            setting,
            value,
            lambda s: s.data.is_table,
            "neighbouring pixels tell nothing of one another (their correlation is {data.smooth:.2f}), as on boards "
            "and in letters of one pixel a place, so every pixel stays in its place",
        )
        for setting, value in (
            ("search.augment.crop_padding", 0),
            ("train.augment.crop_padding", 0),
            ("search.augment.flip", False),
            ("train.augment.flip", False),
            ("train.progressive_resizing", False),
        )
    ),
    *(
        Rule(
            f"{step}.augment.flip",
            False,
            lambda s: s.data.is_handed and s.data.channels > 1,
            "{data.handed:.0%} of the images are more like their class than their mirror images are, so that mirroring "
            "may change what they show",
        )
        for step in ("search", "train")
    ),
    *(
        Rule(
            f"{step}.augment.min_scale",
            1.0,
            lambda s: s.is_large and not s.is_photographs,
            "the images do not look like photographs, of which a part shows as much as the whole: {drawn}",
        )
        for step in ("search", "train")
    ),
    Rule(
        "train.augment.flip",
        "alternating",
        lambda s: s.has_short_recipe and s.mirrors,
        "an image and its mirror image in turn teach more than sides at random (arXiv:2404.00498)",
    ),
    Rule(
        "train.views",
        "mirrored",
        lambda s: s.has_short_recipe and s.mirrors,
        "the mean over an image and its mirror image is right more often than either",
    ),
    *(
        Rule(
            f"{step}.augment.flip",
            True,
            lambda s: s.data.channels == 1 and s.mirrors,
            "the commonest shade of these grey images fills {data.flat:.0%} of them, less than in images of characters "
            "or drawings, so they are taken for photographs, which may be mirrored",
        )
        for step in ("search", "train")
    ),
    *_batches(
        {"train.batch_size": 32, "train.lr": 0.047, "search.batch_size": 16},
        lambda s: s.has_short_recipe and s.data.images < 1000,
        _SMALL_BATCHES,
    ),
    *_batches(
        {"train.batch_size": 128, "train.lr": 0.1875},
        lambda s: s.has_short_recipe and s.data.images < 10_000,
        _SMALL_BATCHES,
    ),
    *_batches(
        {"train.batch_size": 256},
        lambda s: s.accelerator and s.data.images >= 10_000 and not s.has_short_recipe,
        "the batch size of the NAS-Bench-201 benchmark (arXiv:2001.00326), which keeps an accelerator busy",
    ),
    *_batches(
        {"train.batch_size": 128, "train.lr": 0.2},
        lambda s: (
            not s.accelerator and s.data.images >= 10_000 and s.seconds_per_image >= 0.006 and not s.has_short_recipe
        ),
        "{data.images} training images give enough steps in batches of twice the size, where the fixed cost of a step "
        "is shared by more images; the learning rate is raised in proportion",
    ),
    *_batches(
        {"train.batch_size": 16, "train.lr": 0.025, "search.batch_size": 8},
        lambda s: s.data.images < 300 and not s.has_short_recipe,
        _SMALL_BATCHES,
    ),
    *_batches(
        {"train.batch_size": 32, "train.lr": 0.05, "search.batch_size": 16},
        lambda s: s.data.images < 1000 and not s.has_short_recipe,
        _SMALL_BATCHES,
    ),
    Rule(
        "train.imbalance",
        "logit-adjustment",
        lambda s: s.objective == "balanced-accuracy" and s.data.imbalance >= 1.5,
        "the largest class has {data.imbalance:.1f} times as many images as the smallest, and the objective counts "
        "every class the same",
    ),
    Rule(
        "train.imbalance",
        "none",
        lambda s: s.data.imbalance >= 3,
        "the largest class has {data.imbalance:.1f} times as many images as the smallest, but the objective counts "
        "every image the same, and favouring rare classes would lower it (objective=balanced-accuracy counts every "
        "class the same)",
    ),
)
"""The table of rules; a setting without a rule that applies keeps its value."""

CHOSEN_SPACES = tuple(dict.fromkeys(rule.value for rule in RULES if rule.setting == "space"))
"""The spaces that a rule may choose."""


def choose_by_rules(situation: Situation, given: AbstractSet[str]) -> Iterator[AutomaticChoice]:
    """The automatic choices for a dataset, a budget and a machine.

    Args:
        situation: the facts that the rules depend on.
        given: dotted names of the settings that must not be chosen automatically.
    """
    chosen = set(given)
    for rule in RULES:
        if rule.setting not in chosen and not given & set(rule.group) and rule.holds(situation):
            chosen.add(rule.setting)
            if rule.setting == "space":
                situation = replace(situation, space=rule.value)
            yield AutomaticChoice(
                setting=rule.setting,
                value=rule.value,
                reason=rule.explained(situation),
                others=why_not(rule.setting, rule.value, situation),
            )
