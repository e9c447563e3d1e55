"""What a run ends with: the object in `result.json`, which `--json` prints too."""

import platform
from pathlib import Path
from typing import Annotated, Any

import numpy
import torch
from pydantic import ConfigDict, Field

from dartboard.config import Settings
from dartboard.runs import Objective
from dartboard.settings.tree import AutomaticChoice
from dartboard.space import Genotype
from dartboard.version import __version__

__all__ = [
    "SCHEMA",
    "AnalysisFacts",
    "Baseline",
    "CandidateFacts",
    "ChoiceFacts",
    "DatasetFacts",
    "Document",
    "GenotypeForms",
    "ReselectionFacts",
    "Result",
    "versions",
]

SCHEMA = 1
"""Raised whenever a field of `Result` changes its meaning."""


class Document(Settings):
    """What becomes a JSON file of a run directory."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in the file."""
        return self.model_dump(mode="json", by_alias=True)


class DatasetFacts(Settings):
    """What was learned from and tested on."""

    name: str
    """Short name."""

    train: int
    """Images that train the network (and, in two halves, the supernet)."""

    validation: int
    """Images held out of search and training."""

    test: int
    """Images of the final test."""

    classes: tuple[str, ...]
    """Class names in label order."""

    shape: tuple[int, int, int]
    """(channels, height, width) after resizing."""

    notes: tuple[str, ...]
    """Decisions made while reading."""


class GenotypeForms(Settings):
    """The architecture in both forms."""

    model_config = ConfigDict(populate_by_name=True)

    text: str
    """The literature's notation."""

    plain: Annotated[dict[str, Any], Field(alias="json")]
    """As in genotype.json."""

    @classmethod
    def of(cls, genotype: Genotype) -> "GenotypeForms":
        """Both forms of a genotype."""
        return cls(text=genotype.to_text(), plain=genotype.to_json())


class CandidateFacts(Settings):
    """One of several searches; accuracies are fractions, and null where they were not measured."""

    seed: int
    """Of the search."""

    folder: str
    """Its run directory, inside the run directory."""

    genotype: GenotypeForms
    """What it found."""

    supernet_accuracy: float | None
    """Highest accuracy of its supernet on the validation images, over the epochs."""

    short_train_accuracy: float | None
    """Accuracy of its network on the validation images after a short training from scratch."""

    rejected: str | None
    """Why the rule does not take it; null where it may be taken."""

    chosen: bool
    """Whether it was chosen."""


class ChoiceFacts(Document):
    """How one of several searches was chosen; the content of choice.json."""

    rule: str
    """Rule of choice."""

    objective: Objective = "accuracy"
    """What the accuracies here are of: images, or classes as the balanced one is."""

    rule_violated: bool
    """Whether the rule rejected every search, so that the best of all was taken."""

    accuracy_mean: float | None
    """Mean, over the searches, of the accuracy that decides."""

    accuracy_std: float | None
    """Its standard deviation (ddof 0)."""

    candidates: tuple[CandidateFacts, ...]
    """The searches, in the order of the seeds."""

    @property
    def chosen(self) -> CandidateFacts:
        """The search that was chosen."""
        return next(candidate for candidate in self.candidates if candidate.chosen)


class FinalistFacts(Settings):
    """One of several architectures that a search proposed."""

    number: int
    """In the order of the proposals, from 1 on; the first is what the search itself found."""

    folder: str
    """Its run directory, inside the run directory."""

    genotype: GenotypeForms
    """The architecture."""

    validation_accuracy: float
    """Of its network after the short training, as a fraction; by the objective of the finalists."""

    chosen: bool
    """Whether it was taken."""


class FinalistsFacts(Document):
    """How one of several proposed architectures was taken; the content of finalists.json."""

    epochs: int
    """Of the short training from scratch that each had."""

    objective: Objective = "accuracy"
    """What the accuracies here are of: images, or classes as the balanced one is."""

    finalists: tuple[FinalistFacts, ...]
    """All of them, in the order of the proposals."""

    @property
    def chosen(self) -> FinalistFacts:
        """The one that was taken."""
        return next(finalist for finalist in self.finalists if finalist.chosen)


class ReselectionFacts(Document):
    """Another selection from the supernet of a run that had ended; the content of selection.json."""

    name: str
    """Which selection."""

    run: str
    """The run directory of the search."""

    genotype_before: GenotypeForms
    """What the search itself had chosen."""

    skips_before: int
    """Skip connections in it, over all cells."""

    skips: int
    """Skip connections in what is chosen now."""


class AnalysisFacts(Document):
    """What was found out about a search that had ended; the content of analysis.json."""

    name: str
    """Which analysis."""

    run: str
    """The run directory of the search."""

    findings: dict[str, Any]
    """What it found; every analysis has keys of its own, and accuracies are fractions."""


class Baseline(Settings):
    """A network of about the same cost, trained and tested like the one that was found."""

    what: str
    """What it is, in words."""

    test_accuracy: float
    """Accuracy on the test images as a fraction; the mean when several networks were trained."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

    balanced_accuracy: float | None = None
    """Mean recall of the classes on the test images as a fraction; of the first network."""

    parameters: int | None
    """Learned numbers."""

    multiply_adds: int | None
    """Multiply-adds for one image."""

    objective: Objective = "accuracy"
    """What `difference` and `interval` are of."""

    difference: float
    """Accuracy of the first network of the run less that of the first baseline, as a fraction; balanced accuracy where
    that is the objective."""

    interval: tuple[float, float]
    """What holds 95 % of the differences when the test images are drawn anew (paired bootstrap)."""

    run_directory: str
    """Where everything about it lies."""

    steps: int | None = None
    """Steps of its training."""

    wanted_steps: int | None = None
    """Steps of the network that was found; more where the budget did not suffice for as many."""


class Result(Document):
    """Summary of a run; figures of steps that were not asked for are null."""

    model_config = ConfigDict(populate_by_name=True)

    layout: Annotated[int, Field(alias="schema")] = SCHEMA
    """Version of this object's layout."""

    dataset: DatasetFacts
    """What was learned from and tested on."""

    space: str
    """Search space."""

    method: str | None
    """Search method; null when a given genotype was trained."""

    seed: int
    """Root of every random stream."""

    genotype: GenotypeForms
    """The architecture."""

    reselection: ReselectionFacts | None = None
    """What was selected afterwards from the supernet of another run; null for other runs."""

    analysis: AnalysisFacts | None = None
    """What was found out about the search of another run; null for other runs."""

    choice: ChoiceFacts | None = None
    """Which of several searches found it; null for one search or none."""

    finalists: FinalistsFacts | None = None
    """Which of several proposed architectures was taken; null where the search had the last word."""

    parameters: int | None
    """Learned numbers of the discrete network."""

    multiply_adds: int | None
    """Multiply-adds of convolutions and linear layers for one image."""

    budget: float | None = None
    """Seconds that the whole command might take; null without a budget."""

    planned: dict[str, float] = Field(default_factory=dict)
    """Seconds per phase as planned for the budget."""

    automatic_choices: tuple[AutomaticChoice, ...] = ()
    """What was left open, what it became, and why."""

    seconds: dict[str, float]
    """Wall-clock seconds per phase (data, search, finalists, train, evaluation), and `total`; several searches count
    with their short trainings as one."""

    validation_accuracy: float | None
    """Accuracy on the held-out validation images as a fraction, of the network or, after a search alone, of the
    supernet."""

    validation_balanced_accuracy: float | None = None
    """Mean recall of the classes on those images as a fraction."""

    test_accuracy: float | None
    """Accuracy on the test images as a fraction; the mean when several networks were trained."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

    balanced_accuracy: float | None = None
    """Mean recall of the classes on the test images as a fraction; of the first network."""

    objective: Objective = "accuracy"
    """What counted, as in the settings."""

    baselines: dict[str, Baseline] = Field(default_factory=dict)
    """What stands beside the network by name; empty where nothing was compared."""

    device: str
    """Where it ran."""

    versions: dict[str, str]
    """Of Python and of the libraries that decide the figures."""

    command: str
    """What was typed."""

    run_directory: str
    """Where everything lies."""

    finished: str
    """Time of the end, ISO 8601, UTC."""

    @property
    def path(self) -> Path:
        """The run directory."""
        return Path(self.run_directory)

    def _repr_html_(self) -> str:
        """What a notebook shows: a short table and the architecture drawn."""
        from dartboard.reports.notebook import result_html

        return result_html(self)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide the figures."""
    return {
        "dartboard": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
