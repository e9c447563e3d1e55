"""Comparisons of several methods by the same recipe, on the same data and seeds: their plan and their record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dartboard.config import in_long_form
from dartboard.data.given import Data
from dartboard.errors import SettingsError
from dartboard.estimate import SCHEDULES, TABLE_SPACE, agreements, find_tables
from dartboard.records import ComparedRun, Comparison, DataFinding, Result
from dartboard.records.comparison import summary_of
from dartboard.records.trials import figures_of
from dartboard.runs import Observer, RunDirectory
from dartboard.settings.automatic import CHOSEN_SPACES
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO
from dartboard.settings.request import search_request
from dartboard.settings.tree import DEFAULT_RULE, FALLBACK, RunSettings, Step, asked_settings
from dartboard.wording import listing
from dartboard.workflow.contenders import Contender, read_contenders
from dartboard.workflow.judging import with_statistics

__all__ = ["ComparisonPlan", "ComparisonRecord", "Contender", "grown", "plan_comparison", "recorded_space"]

_BASELINE = "random"

Layer = Mapping[str, Any]


@dataclass(frozen=True)
class ComparisonPlan:
    """The plan of a comparison.

    Attributes:
        contenders: the methods.
        seeds: the seeds; every method runs once with each.
        space: search space of all runs.
        preset: preset of all runs.
        steps: steps of every run.
        layers: settings that all runs share.
    """

    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    space: str
    preset: str
    steps: tuple[Step, ...]
    layers: tuple[Layer, ...]

    @property
    def wanted(self) -> int:
        """Number of runs of the whole comparison."""
        return len(self.seeds) * len(self.contenders)

    def pairs(self) -> Iterator[tuple[int, Contender]]:
        """Seed and method of every run: all methods with the first seed, then all with the second."""
        return ((seed, contender) for seed in self.seeds for contender in self.contenders)

    def folder(self, seed: int, contender: Contender) -> str:
        """The folder of one run, relative to the directory of the comparison."""
        return f"{contender.folder}/seed-{seed}"

    def settings(self, data: Data | None) -> dict[str, Any]:
        """The settings that must be the same when the comparison is resumed."""
        seed, contender = next(self.pairs())
        bare = replace(contender, layer={"method": contender.layer["method"]})
        shared = search_request(data, self.layers_of(seed, bare), self.steps).asked
        own = {"method", "seed", "automatic_choices"}
        return {
            "comparison": {
                "methods": [contender.label for contender in self.contenders],
                "seeds": list(self.seeds),
                "steps": list(self.steps),
            },
            **{name: value for name, value in shared.model_dump(mode="json").items() if name not in own},
        }

    def layers_of(self, seed: int, contender: Contender) -> tuple[Layer, ...]:
        """The settings of one run, in layers."""
        alone: Layer = {"seeds": None, "choose": DEFAULT_RULE, "baselines": False, "automatic_choices": []}
        return (*self.layers, {**contender.layer, **alone, "seed": seed, "space": self.space})


def recorded_space(place: Path) -> str | None:
    """The space of the comparison in a directory; None if there is none yet."""
    run = RunDirectory(place)
    space = run.read_as("settings.json", lambda settings: settings["space"]) if run.has("settings.json") else None
    return space if isinstance(space, str) else None


def grown(recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The recorded settings of a comparison, as if it had begun with the methods and seeds that are wanted now.

    Its runs do not depend on one another, so those that have ended are those of the larger comparison too. The dataset
    may lie elsewhere by now: every run compares its images.
    """
    if "comparison" not in recorded:
        return dict(recorded)
    now = {key: wanted["comparison"][key] for key in ("methods", "seeds")}
    return {**recorded, "source": wanted["source"], "comparison": {**recorded["comparison"], **now}}


def plan_comparison(
    data: Data | None,
    layers: Sequence[Layer],
    methods: Sequence[str],
    seeds: int | str | Sequence[int],
    *,
    train: bool,
    known: str | None = None,
) -> ComparisonPlan:
    """The plan of a comparison; no file is read or written.

    Args:
        data: the dataset.
        layers: settings that all runs share.
        methods: names, with options as in "darts-minus:auxiliary_gate=0.3", and with settings of the search that only
            this contender has, as in "single-darts:search.weight_lr=0.005".
        seeds: the number of seeds, which count up from the setting `seed`, or the seeds themselves.
        train: whether the architectures found are trained and tested.
        known: the space of a comparison that goes on, where the layers name none.

    Raises:
        UnknownNameError: there is no such method or space.
        SettingsError: a method is named twice, none is named, a setting does not fit, or a budget is given.
        RecipeError: a method does not fit the space.
    """
    contenders = read_contenders(methods)
    asked = asked_settings(*layers, {"seeds": seeds})
    if asked.budget is not None:
        raise SettingsError(
            "a comparison takes no budget, since every run would then have another length; give all runs the same "
            "length by --set search.epochs=... and --set train.epochs=..., or by a preset."
        )
    steps: tuple[Step, ...] = ("search", "train") if train else ("search",)
    shared = tuple(_without_method(layer) for layer in layers)
    plan = ComparisonPlan(contenders, asked.seeds or (asked.seed,), AUTO, asked.preset, steps, shared)
    space = asked.space if asked.space != AUTO else known or _common_space(plan, data)
    plan = replace(plan, space=space)
    for contender in contenders:
        search_request(data, plan.layers_of(plan.seeds[0], contender), steps).resolved()
    return plan


def _without_method(layer: Layer) -> Layer:
    """The settings that all runs can share: the options of another method are none of theirs."""
    return {key: value for key, value in in_long_form(RunSettings, migrate(layer)).items() if key != "method"}


def _common_space(plan: ComparisonPlan, data: Data | None) -> str:
    """The space for a comparison that names none: the first choice of the rules that every method fits."""
    requests = [search_request(data, plan.layers_of(plan.seeds[0], each), plan.steps) for each in plan.contenders]
    unfit = frozenset[str]().union(*(request.unfit_spaces for request in requests))
    spaces: list[str] = [space for space in (FALLBACK["space"], *CHOSEN_SPACES) if space not in unfit]
    if not spaces:
        raise SettingsError(
            "no space fits all of these methods; name one with --space to see which methods it does not fit."
        )
    return spaces[0]


class ComparisonRecord:
    """Collects the runs of a comparison and writes `comparison.json`.

    Args:
        run: directory of the comparison, locked.
        plan: plan of the comparison.
        command: text to record as the command that was typed.
        observer: is told if the table of NAS-Bench-201 is missing.
    """

    def __init__(self, run: RunDirectory, plan: ComparisonPlan, command: str, observer: Observer) -> None:
        self._run, self._plan, self._command = run, plan, command
        self._runs: list[ComparedRun] = []
        self._dataset: str | None = None
        self._findings: list[DataFinding] = []
        self._agreements = agreements(find_tables()) if plan.space == TABLE_SPACE else ()
        if plan.space == TABLE_SPACE and (missing := [each for each in SCHEDULES if each not in find_tables()]):
            observer.note(
                f"The table of NAS-Bench-201 after {listing(map(str, missing))} epochs was not found (DARTBOARD_DATA), "
                "so no accuracies are looked up in it."
            )

    def add(self, seed: int, contender: Contender, result: Result) -> None:
        """Add a run that has ended, with its accuracy and percentile by the table."""
        self._dataset = result.dataset.name
        known = {finding.kind for finding in self._findings}
        # Runs with the same seed have the same split, and thus the same findings.
        self._findings += [finding for finding in result.dataset.findings if finding.kind not in known]
        folder = self._plan.folder(seed, contender)
        figures = figures_of(result, RunDirectory(self._run.path / folder))
        self._runs.append(ComparedRun(method=contender.label, seed=seed, folder=folder, **figures))

    def fail(self, seed: int, contender: Contender, reason: str) -> None:
        """Add a run that failed."""
        folder = self._plan.folder(seed, contender)
        self._runs.append(ComparedRun(method=contender.label, seed=seed, folder=folder, failure=reason))

    def summarize(self) -> Comparison:
        """Summarise the runs so far, and write the summary to `comparison.json`."""
        labels = [contender.label for contender in self._plan.contenders]
        baseline = next((label for label in labels if label == _BASELINE), labels[0]) if len(labels) > 1 else None
        comparison = Comparison(
            dataset=self._dataset,
            findings=tuple(self._findings),
            space=self._plan.space,
            preset=self._plan.preset,
            seeds=self._plan.seeds,
            trained="train" in self._plan.steps,
            baseline=baseline,
            methods=tuple(summary_of(label, baseline, self._runs) for label in labels),
            runs=tuple(self._runs),
            agreements=self._agreements,
            wanted=self._plan.wanted,
            command=self._command,
            run_directory=str(self._run.path),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        judged = with_statistics(comparison, self._run.path)
        judged.write(self._run.path)
        return judged
