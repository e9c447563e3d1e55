"""A trial of a study: one ordinary run in a directory of its own, and what determines its result."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from dartboard.engine.finished.seed_choice import CHOICE_RULES, ChoiceRule, SeedOutcome
from dartboard.records import Result, TrialResult
from dartboard.runs import Observer, RunDirectory
from dartboard.settings import read_genotype
from dartboard.space import Genotype
from dartboard.workflow.child import command_to_repeat
from dartboard.workflow.making import make_run, make_search, make_short_training, make_training
from dartboard.workflow.seeds import supernet_accuracy

__all__ = ["FOLDER", "Task", "Trial", "architecture_of", "chosen_seed", "run_trial", "trial_key"]

Task = Literal["run", "search", "train", "short-train"]
"""What a trial does: search, train and test; only search; train and test a given architecture, or one that other
trials found; or train it for a short time, to compare it with others on images held out."""

FOLDER = "trials"
"""Folder of the trials in the directory of a study."""

_PLACE = frozenset({"source", "device"})
"""Settings that say where a trial finds its images and where it computes, not what its result is."""


@dataclass(frozen=True)
class Trial:
    """One run of a study; plain data, so that another process or another machine can make it.

    Attributes:
        key: its name: a short hash of what determines the result, after a prefix that people can read.
        labels: its place in the grid: method, space, data, seed, and one label for every varied setting.
        settings: one layer of settings, as `resolve_settings` takes it. A relative `source` lies in the directory of
            the study.
        folder: its run directory, relative to the directory of the study.
        needs: keys of the trials that must have ended first.
        task: what it does.
        searched: keys of the searches that propose the architecture it trains; several are chosen among. Empty where
            it searches itself, or where the settings hold the genotype.
        shorts: keys of the short trainings of these architectures, in the order of `searched`; empty unless the rule
            asks for them.
        rule: name of the choice rule that takes one of several searches.
    """

    key: str
    labels: Mapping[str, str]
    settings: dict[str, Any]
    folder: str
    needs: tuple[str, ...] = ()
    task: Task = "run"
    searched: tuple[str, ...] = ()
    shorts: tuple[str, ...] = ()
    rule: str = ""

    def settings_at(self, study_folder: Path | None) -> dict[str, Any]:
        """The settings with the place of the data; a relative one is in the directory of the study."""
        source = self.settings.get("source")
        if study_folder is None or not isinstance(source, str) or not (study_folder / source).exists():
            return dict(self.settings)
        return {**self.settings, "source": str((study_folder / source).resolve())}

    def to_json(self) -> dict[str, Any]:
        """The trial as plain data for JSON."""
        return {**asdict(self), "labels": dict(self.labels)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The trial from plain data, as `to_json` gives it."""
        lists = {name: tuple(content[name]) for name in ("needs", "searched", "shorts")}
        return cls(**{**content, **lists})


def trial_key(labels: Mapping[str, str], settings: Mapping[str, Any], *further: object) -> str:
    """The name of a trial: equal for equal settings, other for others; where images lie has no part in it.

    Args:
        labels: its place in the grid; method, space, data and seed make the prefix.
        settings: its settings in long form.
        further: what else determines the result, such as the keys of the trials whose architecture it trains.

    >>> trial_key({"method": "darts", "space": "nas-bench-201", "data": "digits", "seed": "0"}, {"seed": 0}, "run")
    'darts-nas-bench-201-digits-s0-c72d36f893'
    """
    own = {name: value for name, value in settings.items() if name not in _PLACE}
    told = json.dumps([labels.get("data", ""), own, *further], sort_keys=True, default=str)
    prefix = "-".join(
        [*(labels[name] for name in ("method", "space", "data") if labels.get(name)), f"s{labels['seed']}"]
    )
    readable = re.sub(r"[^\w.=-]+", "-", prefix).strip("-")[:80]
    return f"{readable}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def run_trial(trial: Trial, study_folder: Path, observer: Observer) -> TrialResult:
    """Make one trial in this process, or go on with it, as `dartboard run`, `search` or `train` would.

    A trial that has ended is only read.

    Args:
        trial: the trial; those that it needs have ended.
        study_folder: directory of the study.
        observer: is told about progress.

    Raises:
        DartboardError: the trial cannot be made; the message is one sentence for the user.
    """
    folder = study_folder / trial.folder
    result = _make(trial, study_folder, folder, observer)
    return TrialResult.of(
        result,
        RunDirectory(folder),
        key=trial.key,
        task=trial.task,
        labels=dict(trial.labels),
        folder=trial.folder,
    )


def _make(trial: Trial, study_folder: Path, folder: Path, observer: Observer) -> Result:
    settings = trial.settings_at(study_folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    verb = {"run": "run", "search": "search"}.get(trial.task, "train")
    command, layers = command_to_repeat(verb, folder), (settings,)
    if trial.task == "run":
        return make_run(None, layers, out=folder, resume=True, observer=observer, command=command)
    if trial.task == "search":
        return make_search(None, layers, out=folder, resume=True, observer=observer, command=command)
    train = make_training if trial.task == "train" else make_short_training
    genotype = architecture_of(trial, study_folder, settings)
    return train(None, layers, genotype, out=folder, resume=True, observer=observer, command=command)


def architecture_of(trial: Trial, study_folder: Path, settings: dict[str, Any]) -> Genotype:
    """The architecture that a trial trains; a genotype in its settings is taken out of them.

    Args:
        trial: a trial that trains a given architecture, or that of other trials that have ended.
        study_folder: directory of the study.
        settings: its settings, which are changed.
    """
    given = settings.pop("genotype", None)
    if not trial.searched:
        return Genotype.from_json(given) if isinstance(given, Mapping) else read_genotype(given)
    number = 0 if len(trial.searched) == 1 else chosen_seed(trial.rule, trial.searched, trial.shorts, study_folder)[0]
    return read_genotype(study_folder / FOLDER / trial.searched[number])


def chosen_seed(rule: str, searched: Sequence[str], shorts: Sequence[str], study_folder: Path) -> tuple[int, bool]:
    """Which of several searches a choice rule takes, and whether the rule rejects all of them.

    Args:
        rule: name of the rule.
        searched: keys of trials that searched and have ended, in the order of their seeds.
        shorts: keys of the short trainings of what they found, in the same order; empty without.
        study_folder: directory of the study.
    """
    made: ChoiceRule = CHOICE_RULES.made(rule, CHOICE_RULES[rule].factory)
    outcomes = []
    for number, key in enumerate(searched):
        run = RunDirectory(study_folder / FOLDER / key)
        short = Result.read(study_folder / FOLDER / shorts[number]) if shorts else None
        accuracy = short.validation(short.objective) if short else None
        objective = Result.read(run.path).objective
        outcomes.append(SeedOutcome(number, read_genotype(run.path), supernet_accuracy(run, objective), accuracy))
    choice = made(outcomes)
    return choice.chosen.seed, choice.rule_violated
