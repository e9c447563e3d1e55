"""The trials of one row of a table, shared wherever their results are equal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dartboard.config import merged
from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.records.study import StudyRow
from dartboard.settings import RunSettings, Step, search_request
from dartboard.settings.migration import migrate
from dartboard.settings.tree import DEFAULT_RULE
from dartboard.wording import plain_value
from dartboard.workflow.contenders import Contender
from dartboard.workflow.studies.grid import DataPlace, Grid
from dartboard.workflow.studies.scaling import Lengths, layer_of, scaled_lengths
from dartboard.workflow.studies.trial import FOLDER, Task, Trial, trial_key

__all__ = ["TrialBuilder", "Variant"]

_ALONE: Mapping[str, Any] = {"seeds": None, "choose": DEFAULT_RULE, "baselines": False, "automatic_choices": []}
"""Settings of a run that neither chooses among seeds nor trains baselines: a study has trials for that."""

_OF_TRAINING = "train."
"""Beginning of the names of settings that a search does not depend on."""


@dataclass(frozen=True)
class Variant:
    """One row of a table: a method in a space, with values of the varied settings.

    Attributes:
        grid: the table.
        contender: the method.
        space: registry name of the space, with its options.
        varied: dotted name of each varied setting that counts for the method -> its value.
        searched_on: the data set of the search.
        tested_on: the data set of the training and the test.
    """

    grid: Grid
    contender: Contender
    space: str
    varied: Mapping[str, Any]
    searched_on: DataPlace
    tested_on: DataPlace

    @property
    def label(self) -> str:
        """The method and the values."""
        values = ", ".join(f"{key}={plain_value(value)}" for key, value in self.varied.items())
        return f"{self.contender.label} ({values})" if values else self.contender.label

    @property
    def steps(self) -> tuple[Step, ...]:
        """What becomes of every seed."""
        return ("search",) if self.grid.train == "none" else ("search", "train")

    def settings(self, seed: int, *, training: bool = True) -> dict[str, Any]:
        """The settings of one trial at full length, as one layer.

        Args:
            seed: the seed.
            training: whether settings that only trainings vary in are among them.
        """
        shared = {
            key: value for key, value in merged(RunSettings, migrate(self.grid.settings)).items() if key != "method"
        }
        own = {key: value for key, value in self.varied.items() if training or not key.startswith(_OF_TRAINING)}
        place = {"seed": seed, "space": self.space, "source": self.searched_on.source}
        split = {"data.split_seed": self.grid.seeds[0]} if self.grid.train == "chosen" else {}
        return merged(RunSettings, shared, migrate(dict(self.contender.layer)), migrate(own), _ALONE, split, place)

    @cached_property
    def resolved(self) -> RunSettings:
        """The whole settings of the first seed; raises what does not fit."""
        return search_request(None, (self.settings(self.grid.seeds[0]),), self.steps).resolved()

    @property
    def splits(self) -> bool:
        """Whether searches and trainings are trials of their own, since one search serves several trainings or none."""
        varies_training = any(key.startswith(_OF_TRAINING) for key in self.grid.vary)
        apart = self.searched_on != self.tested_on or self.grid.train == "chosen" or varies_training
        return apart and self.resolved.train.start == "fresh"


@dataclass
class TrialBuilder:
    """Makes the trials of a study, each once.

    Attributes:
        scale: share of all lengths.
        trials: the trials so far, by their keys.
        ranks: key -> place of its seed in its table, by which trials are done in turn.
    """

    scale: float
    trials: dict[str, Trial] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)

    def ordered(self) -> tuple[Trial, ...]:
        """All trials, those of all methods with the first seed first, each after those that it needs."""
        return tuple(sorted(self.trials.values(), key=lambda trial: self.ranks[trial.key]))

    def row(self, variant: Variant) -> StudyRow:
        """The trials of a row, and which of them fill it."""
        grid, searched, trained, shorts = variant.grid, list[str](), list[str](), list[str]()
        rule = CHOICE_RULES.made(grid.choose, CHOICE_RULES[grid.choose].factory) if grid.choose else None
        lengths = scaled_lengths(variant.resolved, self.scale)
        for rank, seed in enumerate(grid.seeds):
            searched.append(self._search(variant, seed, rank, lengths))
            if grid.train == "all":
                trained.append(
                    self._train(variant, seed, rank, lengths, (searched[-1],)) if variant.splits else searched[-1]
                )
            if rule is not None and rule.short_train:
                shorts.append(self._short(variant, seed, rank, lengths, searched[-1]))
        chosen = None
        if grid.train == "chosen":
            chosen = self._train(
                variant, grid.seeds[0], len(grid.seeds), lengths, tuple(searched), tuple(shorts), grid.choose or ""
            )
        return StudyRow(
            label=variant.label,
            method=variant.contender.label,
            varied={key: str(plain_value(value)) for key, value in variant.varied.items()},
            searched=tuple(searched),
            trained=tuple(trained),
            shorts=tuple(shorts),
            chosen=chosen,
            lengths=lengths,
        )

    def _search(self, variant: Variant, seed: int, rank: int, lengths: Lengths) -> str:
        """The trial that searches, which also trains unless its result is shared."""
        labels = self._labels(variant, seed, variant.searched_on)
        apart = variant.splits or variant.grid.train == "none"
        if not apart:
            return self._add(rank, labels, self._scaled(variant.settings(seed), lengths), "run")
        whole = trial_key(labels, self._scaled(variant.settings(seed, training=False), lengths), "run")
        if whole in self.trials:  # a run of the same settings searches as well
            return whole
        lengths = {name: each for name, each in lengths.items() if not name.startswith(_OF_TRAINING)}
        settings = self._scaled(variant.settings(seed, training=False), lengths)
        labels = {name: label for name, label in labels.items() if not name.startswith(_OF_TRAINING)}
        return self._add(rank, labels, settings, "search")

    def _train(
        self,
        variant: Variant,
        seed: int,
        rank: int,
        lengths: Lengths,
        searched: tuple[str, ...],
        shorts: tuple[str, ...] = (),
        rule: str = "",
    ) -> str:
        labels = self._labels(variant, seed, variant.tested_on)
        if rule:
            labels["chosen by"] = rule
        settings = {**self._scaled(variant.settings(seed), lengths), "source": variant.tested_on.source}
        return self._add(rank, labels, settings, "train", searched=searched, shorts=shorts, rule=rule)

    def _short(self, variant: Variant, seed: int, rank: int, lengths: Lengths, searched: str) -> str:
        """A short training of what a search found, on the images of the search."""
        resolved = variant.resolved
        epochs = lengths.get("short_train_epochs", (0, resolved.short_train_epochs))[1]
        if resolved.train.epochs is not None:
            epochs = min(epochs, lengths.get("train.epochs", (0, resolved.train.epochs))[1])
        short = {"train.epochs": epochs, "train.runs": 1, "train.hold_out": True, "train.start": "fresh"}
        settings = merged(RunSettings, variant.settings(seed), short)
        labels = self._labels(variant, seed, variant.searched_on)
        return self._add(rank, labels, settings, "short-train", searched=(searched,))

    def _add(self, rank: int, labels: dict[str, str], settings: dict[str, Any], task: Task, **further: Any) -> str:
        searched, shorts = further.get("searched", ()), further.get("shorts", ())
        key = trial_key(labels, settings, task, *searched, *shorts, *filter(None, (further.get("rule"),)))
        self.ranks[key] = min(rank, self.ranks.get(key, rank))
        if key not in self.trials:
            self.trials[key] = Trial(
                key, labels, settings, f"{FOLDER}/{key}", needs=(*searched, *shorts), task=task, **further
            )
        return key

    @staticmethod
    def _labels(variant: Variant, seed: int, data: DataPlace) -> dict[str, str]:
        labels = {
            "method": variant.contender.label,
            "space": variant.space,
            "data": data.label,
            "seed": str(seed),
            **{key: str(plain_value(value)) for key, value in variant.varied.items()},
        }
        if variant.searched_on != data:
            labels["searched on"] = variant.searched_on.label
        return labels

    @staticmethod
    def _scaled(settings: dict[str, Any], lengths: Lengths) -> dict[str, Any]:
        return merged(RunSettings, settings, layer_of(lengths)) if lengths else settings
