"""The request of a command: the settings that the user gave, and those to choose automatically."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dartboard.config import in_long_form
from dartboard.data.given import Data, recorded_source
from dartboard.engine.schedule import stage_spans
from dartboard.errors import SettingsError
from dartboard.parts.fits import check_fit, does_fit
from dartboard.parts.recipe import initial_live, make_recipe
from dartboard.settings.automatic import CHOSEN_SPACES
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.start import check_start
from dartboard.settings.tree import (
    ALONE,
    DEFAULT_RULE,
    AutomaticChoice,
    RunSettings,
    Step,
    asked_settings,
    resolve_settings,
)
from dartboard.space import Genotype, get_space
from dartboard.supernet import SupernetSpec

__all__ = ["Request", "check_method", "search_request", "stored_request", "train_request"]


def check_method(settings: RunSettings) -> None:
    """Refuse a method that does not fit the space or the size of the supernet; no data is needed.

    Raises:
        UnknownNameError: there is no such method or space.
        SettingsError: an option is unknown or does not fit, or the supernet cannot be built.
        RecipeError: the parts of the method do not fit together, or do not fit the space.
    """
    recipe = make_recipe(settings.method.name, settings.method.options)
    space, size = get_space(settings.space), settings.search
    check_fit(recipe, space)
    if recipe.discrete:
        _check_discrete(settings)
    if size.start_at is not None:
        check_start(settings.method.name, recipe, space, Genotype.from_json(size.start_at))
    if size.epochs is not None:
        stage_spans([stage.share for stage in recipe.stages], size.epochs)
    divisor = math.lcm(*(stage.recipe.mixing.channel_share for stage in recipe.stages))
    width = -(-size.init_channels // divisor) * divisor
    for stage in recipe.stages:
        companion = stage.recipe.companion.deeper if stage.recipe.companion else 0
        layers = space.skeleton.deepen(size.layers, stage.recipe.deeper + companion)
        plan = space.plan(in_channels=3, num_classes=2, init_channels=width, layers=layers)
        SupernetSpec(space, plan, stage.recipe.mixing).with_live(initial_live(stage.recipe, space))
    if width != size.init_channels:
        shares = " and later ".join(f"1/{stage.recipe.mixing.channel_share}" for stage in recipe.stages)
        raise SettingsError(
            f"{settings.method.name} sends {shares} of the channels through the operations, so search.init_channels "
            f"must be a multiple of {divisor}, but it is {size.init_channels}; set search.init_channels={width}, or "
            "choose other shares by the options of the method."
        )


def _check_discrete(settings: RunSettings) -> None:
    """Refuse what only a supernet can have, where the method trains architectures one by one."""
    search, train = settings.search, settings.train
    asked = {
        "search.start_at": search.start_at is not None,
        "search.watch": bool(search.watch),
        "search.curvature_every": search.curvature_every is not None,
        "search.snapshots": bool(search.snapshots),
        f"search.guard={search.guard}": search.guard in ("stop", "fallback"),
        "search.warmup_fraction": search.warmup_fraction > 0,
        "train.start=supernet": train.start == "supernet",
    }
    if given := [name for name, is_asked in asked.items() if is_asked]:
        raise SettingsError(
            f"{settings.method.name} trains architectures one by one and has no supernet, which {given[0]} needs; "
            "leave that out, or choose another method."
        )
    if search.evaluate == "table" and get_space(settings.space).family != "nas-bench-201":
        raise SettingsError(
            f"search.evaluate=table looks architectures up in the table of NAS-Bench-201, which has none of "
            f"'{settings.space}'; take --space nas-bench-201, or search.evaluate=training."
        )


Layer = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """The settings that a command asks for; some of them may be open, which means chosen automatically.

    Attributes:
        layers: layers of settings; later layers win.
        steps: steps of the command.
        genotype: the architecture to train, if it is given.
    """

    layers: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]
    genotype: Genotype | None = None

    @cached_property
    def asked(self) -> RunSettings:
        """The settings of the layers alone; the space and the method may still be "auto"."""
        return asked_settings(*self.layers)

    @property
    def is_open(self) -> bool:
        """Whether any setting will be chosen automatically."""
        asked = self.asked
        chooses = asked.budget is not None or PRESETS[asked.preset].factory.space == AUTO
        return chooses and not asked.automatic_choices and asked.reselection is None and asked.analysis is None

    @cached_property
    def given(self) -> frozenset[str]:
        """Dotted names of the settings that must not be chosen automatically."""
        names = {
            name
            for layer in self.layers
            for name, value in _leaves(in_long_form(RunSettings, migrate(layer)))
            if value not in (None, AUTO)
        }
        names |= {"space"} if self.asked.space != AUTO else set()
        names |= {"method.name"} if self.asked.method.name != AUTO else set()
        return frozenset(names if self.genotype is None else names | {"space", "method.name"})

    @property
    def unfit_spaces(self) -> frozenset[str]:
        """The spaces that may be chosen automatically but do not fit the method."""
        method = self.asked.method
        if "search" not in self.steps or method.name == AUTO:
            return frozenset()
        recipe = make_recipe(method.name, method.options)
        return frozenset(name for name in CHOSEN_SPACES if not does_fit(recipe, get_space(name)))

    def resolved(self, automatic_choices: Sequence[AutomaticChoice] = ()) -> RunSettings:
        """The settings with the automatic choices; raises what `resolve_settings` and `check_method` raise."""
        settings = resolve_settings(*self.layers, automatic_choices=automatic_choices)
        if "search" in self.steps:
            check_method(settings)
        return settings


def search_request(data: Data | None, layers: Sequence[Layer], steps: tuple[Step, ...]) -> Request:
    """The request of a command that searches.

    Args:
        data: the dataset, if it is not given in the settings.
        layers: layers of settings; later layers win.
        steps: steps of the command.

    Raises:
        UnknownNameError: the preset or the choice rule does not exist.
        SettingsError: the settings are those of a training, a selection or an analysis; or a choice rule is given for a
            single search.
    """
    request = Request((*layers, recorded_source(data)), steps)
    settings = request.asked
    if settings.genotype is not None:
        raise SettingsError(
            "the settings hold a genotype, which a search would ignore; train it with `dartboard train`."
        )
    if settings.reselection is not None:
        raise SettingsError(
            "the settings are those of a selection, which a search would ignore; use `dartboard select`, or the "
            "settings of the search."
        )
    if settings.analysis is not None:
        raise SettingsError(
            "the settings are those of an analysis, which a search would ignore; use `dartboard analyse`, or the "
            "settings of the search."
        )
    if settings.seeds is None and settings.choose != DEFAULT_RULE:
        raise SettingsError(
            f"{settings.choose} has only one search to choose from; give the number of seeds to search with, as in "
            "--seeds 4 (the setting 'seeds')."
        )
    return request


def train_request(data: Data | None, layers: Sequence[Layer], genotype: Genotype) -> Request:
    """The request of a command that trains a given genotype.

    Args:
        data: the dataset, if it is not given in the settings.
        layers: layers of settings; later layers win.
        genotype: the architecture to train.

    Raises:
        SettingsError: the layers name another space than that of the genotype.
    """
    cleared = {**ALONE, "reselection": None, "analysis": None}
    given = {"space": genotype.space, "genotype": genotype.to_json(), **cleared}
    spaces = (layer["space"] for layer in layers if layer.get("space", AUTO) != AUTO)
    for name in (name for name in spaces if name != genotype.space):
        raise SettingsError(
            f"the genotype belongs to the space '{genotype.space}', not to '{name}'; leave out --space, or train "
            "another genotype."
        )
    return Request((*layers, given, recorded_source(data)), ("train",), genotype)


def stored_request(settings: RunSettings) -> Request:
    """The request of a selection or an analysis of a finished search; nothing is chosen automatically."""
    return Request((settings.model_dump(mode="json"),), ("search",))


def _leaves(layer: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
