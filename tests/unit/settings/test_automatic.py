"""The table of rules, as data: which situation leads to which settings."""

from dataclasses import replace
from typing import Any

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import DataLook
from dartboard.parts.recipe import METHODS
from dartboard.settings.automatic import RULES, choose_by_rules
from dartboard.settings.situation import Situation
from dartboard.settings.tree import RunSettings, resolve_settings
from dartboard.space import SPACES

FASHION = DataLook(60_000, (6000,) * 10, channels=1, side=28, same_size=True, flat=0.5)
FLOWERS = DataLook(5732, (180, *(55,) * 100, 28), channels=3, side=512, same_size=True)
EMOTIONS = DataLook(28_709, (3995, 436, 4097, 7215, 4830, 3171, 4965), channels=1, side=48, same_size=True, flat=0.02)
FOLDER = DataLook(2934, (600, 700, 550, 500, 584), channels=3, side=128, same_size=False)
HALF_AN_HOUR, TWO_HOURS = 1800.0, 7200.0
TINY = {"train.batch_size": 16, "train.lr": 0.025, "search.batch_size": 8}
SMALL = {"train.batch_size": 32, "train.lr": 0.05, "search.batch_size": 16}
DENSE_SMALL = {"train.batch_size": 32, "train.lr": 0.047, "search.batch_size": 16}

LETTERS = DataLook(20_000, (1000,) * 20, 3, 32, same_size=True, flat=0.04, handed=0.94, decoded=400)
SPECTROGRAMS = DataLook(20_000, (1000,) * 20, 3, 128, True, flat=0.05, aspect=3.4, handed=0.56, decoded=400)
BOARDS = DataLook(20_000, (1000,) * 20, 3, 128, True, flat=0.5, handed=0.52, decoded=400)
TABLES = replace(BOARDS, side=24, channels=12, smooth=0.02)
WHOLE = {"search.augment.min_scale": 1.0, "train.augment.min_scale": 1.0}
UNMIRRORED = {"search.augment.flip": False, "train.augment.flip": False}
"""Drawn content of many colours."""

NAMES = [entry.name for entry in (*METHODS, *SPACES)]


def decided(situation: Situation, *given: str) -> dict[str, Any]:
    return {choice.setting: choice.value for choice in choose_by_rules(situation, set(given))}


def on_cpu(look: DataLook, budget: float | None = TWO_HOURS, objective: str = "accuracy") -> Situation:
    return Situation(look, budget, accelerator=False, objective=objective)


DENSE = {"space": "conv-stages", "method.name": "single-darts"}
CELLS = DENSE | {"space": "nas-bench-201"}
LARGE = {"train.batch_size": 128, "train.lr": 0.2}
FEW = {"train.batch_size": 128, "train.lr": 0.1875}
MIRRORED = {"train.augment.flip": "alternating", "train.views": "mirrored"}
FACES = DENSE | MIRRORED | {"search.augment.flip": True}
FAR = replace(FASHION, side=8)
"""As many images of digits' size."""


@pytest.mark.parametrize(
    ("situation", "wanted"),
    [
        (on_cpu(FASHION), DENSE),
        (on_cpu(FASHION, 120), DENSE | {"method.name": "random"}),
        (replace(on_cpu(FASHION, 120), contests=False), DENSE),
        (on_cpu(FAR), CELLS | LARGE),
        (on_cpu(FAR, 120), CELLS),
        (replace(on_cpu(FAR, HALF_AN_HOUR), accelerator=True), CELLS | {"train.batch_size": 256}),
        (replace(on_cpu(FASHION), image_size=8), CELLS | LARGE),
        (replace(on_cpu(FASHION), unfit=frozenset({"conv-stages"})), CELLS | LARGE),
        (
            on_cpu(FLOWERS, HALF_AN_HOUR),
            DENSE | FEW | MIRRORED | {"train.imbalance": "none", "method.name": "random"},
        ),
        (on_cpu(EMOTIONS), FACES | {"train.imbalance": "none"}),
        (on_cpu(EMOTIONS, objective="balanced-accuracy"), FACES | {"train.imbalance": "logit-adjustment"}),
        (on_cpu(FOLDER, 600), DENSE | {"method.name": "random"} | FEW | MIRRORED),
        (on_cpu(FOLDER, 120), DENSE | {"method.name": "random"} | FEW | MIRRORED | {"data.image_size": 96}),
        (
            on_cpu(FLOWERS, 2 * TWO_HOURS),
            DENSE | FEW | MIRRORED | {"data.image_size": 160, "train.imbalance": "none"},
        ),
        (
            replace(on_cpu(FLOWERS, 2 * TWO_HOURS), accelerator=True),
            {
                "space": "darts",
                "method.name": "single-darts",
                "data.image_size": 224,
                "train.imbalance": "none",
            },
        ),
        (
            on_cpu(DataLook(60, (20, 20, 20), channels=3, side=48, same_size=True)),
            DENSE | {"method.name": "random"} | DENSE_SMALL | MIRRORED,
        ),
        (
            on_cpu(DataLook(60, (20, 20, 20), channels=3, side=8, same_size=True)),
            CELLS | {"method.name": "random"} | TINY,
        ),
        (on_cpu(DataLook(500, (100,) * 5, channels=3, side=32, same_size=True)), DENSE | DENSE_SMALL | MIRRORED),
        (on_cpu(DataLook(500, (100,) * 5, channels=3, side=8, same_size=True)), CELLS | SMALL),
        (replace(on_cpu(FASHION, HALF_AN_HOUR), accelerator=True), DENSE),
        (replace(on_cpu(FASHION, 120), accelerator=True), DENSE | {"method.name": "random"}),
        (on_cpu(FASHION, HALF_AN_HOUR), DENSE | {"method.name": "random"}),
        (on_cpu(FASHION, None), DENSE),
        (on_cpu(LETTERS, None), DENSE | UNMIRRORED),
        (on_cpu(replace(LETTERS, side=128), None), DENSE | UNMIRRORED | WHOLE),
        (on_cpu(replace(LETTERS, decoded=8), None), DENSE | MIRRORED),
        (on_cpu(SPECTROGRAMS, None), DENSE | MIRRORED | WHOLE),
        (on_cpu(replace(SPECTROGRAMS, handed=0.9), None), DENSE | UNMIRRORED | WHOLE),
        (on_cpu(BOARDS, None), DENSE | MIRRORED | WHOLE),
        (
            on_cpu(TABLES, None),
            DENSE
            | UNMIRRORED
            | {"train.progressive_resizing": False}
            | {f"{step}.augment.crop_padding": 0 for step in ("search", "train")},
        ),
        (on_cpu(FLOWERS, None), DENSE | FEW | MIRRORED | {"train.imbalance": "none"}),
    ],
)
def test_what_is_chosen_for_a_dataset(situation: Situation, wanted: dict[str, Any]) -> None:
    assert decided(situation) == wanted


def test_what_is_given_is_not_chosen() -> None:
    given = ("space", "train.imbalance", "search.augment.flip", "train.augment.flip", "train.lr")
    assert decided(on_cpu(EMOTIONS), *given) == {"method.name": "single-darts"}


@pytest.mark.parametrize(("space", "wanted"), [("nas-bench-201", LARGE), ("conv-stages", {})])
def test_the_recipe_follows_a_space_that_is_given(space: str, wanted: dict[str, Any]) -> None:
    assert decided(replace(on_cpu(FASHION), space=space), "space", "method.name") == wanted


def test_batches_and_rates_are_chosen_together_or_not_at_all() -> None:
    small = on_cpu(DataLook(500, (100,) * 5, channels=3, side=8, same_size=True))
    assert decided(small) == CELLS | SMALL
    assert decided(small, "train.batch_size") == CELLS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.setting}={rule.value}")
def test_every_rule_decides_a_setting_that_exists_and_explains_itself(rule: Any) -> None:
    settings = resolve_settings({rule.setting: rule.value})
    assert isinstance(settings, RunSettings)
    holding = [
        situation
        for look in (
            FASHION,
            FAR,
            FLOWERS,
            EMOTIONS,
            FOLDER,
            LETTERS,
            SPECTROGRAMS,
            BOARDS,
            TABLES,
            *(DataLook(n, (n // 2,) * 2, 3, side, True) for n in (60, 500) for side in (8, 48)),
        )
        for budget in (None, 60.0, 600.0, 7200.0, 50_000.0)
        for accelerator in (False, True)
        for objective in ("accuracy", "balanced-accuracy")
        for unfit in ((), ("nas-bench-201", "conv-stages"))
        for space in ("auto", "nas-bench-201", "conv-stages")
        if rule.holds(situation := Situation(look, budget, accelerator, objective, frozenset(unfit), space))
    ]
    assert holding, "no situation is known in which the rule holds"
    found = list(choose_by_rules(holding[0], set()))
    assert all("{" not in decision.reason and len(decision.reason) > 20 for decision in found)


def test_the_largest_class_counts_against_the_smallest() -> None:
    assert EMOTIONS.imbalance == pytest.approx(7215 / 436)
    assert FASHION.imbalance == 1


def test_no_architecture_is_drawn_in_place_of_a_search_that_starts_at_one() -> None:
    hasty = on_cpu(FASHION, 120)
    few = on_cpu(replace(FASHION, images=50), None)
    for situation in (hasty, few):
        assert decided(situation)["method.name"] == "random"
        assert decided(replace(situation, starts=True))["method.name"] == "single-darts"


def test_choices_among_named_alternatives_say_why_not_the_others() -> None:
    """In the situations of the data sets that the rules were made for, and where a search is not worth its time."""
    situations = [on_cpu(look, budget) for look in (FASHION, FLOWERS, EMOTIONS, FAR) for budget in (None, 120, 3600)]
    situations.append(replace(on_cpu(FASHION, 7200.0), accelerator=True))
    situations.append(replace(on_cpu(FASHION), unfit=frozenset({"conv-stages", "nas-bench-201"})))
    situations.append(on_cpu(EMOTIONS, objective="balanced-accuracy"))
    for situation in situations:
        others = {choice.setting: (choice.value, choice.others) for choice in choose_by_rules(situation, set())}
        space, spaces = others["space"]
        assert {"conv-stages", "nas-bench-201", "darts"} - {space} <= set(spaces)
        method, methods = others["method.name"]
        assert {"single-darts", "darts", "robust-darts", "sdarts-rs", "random"} - {method} <= set(methods)
        for value, named in others.values():
            assert value not in named
            assert all(reason and "{" not in reason and not reason.endswith(".") for reason in named.values())


def test_a_choice_without_named_alternatives_has_none() -> None:
    choices = {choice.setting: choice for choice in choose_by_rules(on_cpu(EMOTIONS), set())}
    assert choices["space"].against.startswith("Not nas-bench-201: its cells add up")
    plain = choices["search.augment.flip"]
    assert (plain.others, plain.against) == ({}, "")
