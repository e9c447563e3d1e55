"""The summary of a run: the content of `result.json`, which `--json` prints too."""

import math
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy
import torch
from pydantic import Field

from dartboard.records.baselines import Baseline
from dartboard.records.choice import Finalists, SeedChoiceRecord
from dartboard.records.dataset import DatasetRecord, GenotypeForms
from dartboard.records.finished import AnalysisRecord, ReselectionRecord
from dartboard.records.limits import LimitsRecord
from dartboard.records.notebook import view_of
from dartboard.records.tables import TableLookUp
from dartboard.runs import (
    CollapsedSearch,
    Document,
    Record,
    SearchEpoch,
    TestAccuracies,
    ValidationAccuracies,
    Version,
)
from dartboard.settings.migration import migrate
from dartboard.settings.tree import AutomaticChoice
from dartboard.training.training_settings import Start
from dartboard.version import __version__

__all__ = ["CollapseSummary", "Result", "versions"]


class CollapseSummary(Record):
    """A search that collapsed, what was done about it, and what both searches cost."""

    action: Literal["stop", "fallback"]
    """Whether the search ended, or a second one went on from the last good epoch."""

    signal: Literal["skips", "no weights", "unstable"]
    """What told it."""

    since: int
    """Epoch in which it began."""

    good: int | None
    """The last epoch before that; null if there is none."""

    words: str
    """What was seen."""

    architecture_from: Literal["first", "second"]
    """The search that the architecture is from."""

    first_seconds: float
    """Seconds of the epochs of the first search, including those that the second one replaced."""

    second_seconds: float
    """Seconds of the epochs of the second search; 0 without one."""

    again: str
    """What was seen when the second search collapsed as well; empty if it did not."""

    @classmethod
    def of(cls, record: CollapsedSearch, epochs: Sequence[SearchEpoch]) -> Self:
        """The summary of what a run has recorded.

        Args:
            record: of the first search.
            epochs: all that the run directory holds; those that a second search replaced are not among them.
        """
        second = record.action == "fallback"
        start = 0 if record.anew or record.good is None else record.good
        return cls(
            **record.model_dump(include={"action", "signal", "since", "good", "words", "again"}),
            architecture_from="second" if second else "first",
            first_seconds=record.seconds,
            second_seconds=math.fsum(each.seconds for each in epochs if each.epoch > start) if second else 0.0,
        )


class Result(TestAccuracies, ValidationAccuracies, Document):
    """Summary of a run, which `--json` prints; figures of steps that the run does not have are null."""

    file: ClassVar[str] = "result.json"
    written_by: ClassVar[str] = "the end"

    layout: Version = 2

    dataset: DatasetRecord
    """The dataset of the run."""

    space: str
    """Search space."""

    method: str | None
    """Search method; null if a given genotype was trained."""

    seed: int
    """Root of every random stream."""

    genotype: GenotypeForms
    """The architecture."""

    blind: bool = False
    """Whether nothing of the images passes through the architecture, so that its network gives every image the same
    answer."""

    tables: TableLookUp | None = None
    """What the tables of NAS-Bench-201 say of the architecture, by schedule; null for architectures of other spaces,
    and where the tables were not found."""

    reselection: ReselectionRecord | None = None
    """The selection from the supernet of another run; null for runs that are no selection."""

    analysis: AnalysisRecord | None = None
    """The analysis of the search of another run; null for runs that are no analysis."""

    collapse: CollapseSummary | None = None
    """The search that collapsed and was stopped, or gave way to a second one; null for all other runs."""

    choice: SeedChoiceRecord | None = None
    """The choice among the searches of several seeds; null for a single search or none."""

    finalists: Finalists | None = None
    """The choice among several architectures that the search proposed; null if it proposed only one."""

    train_start: Start | None = None
    """What the training began with, drawn weights ("fresh") or those of the supernet; null without a training."""

    parameters: int | None
    """Number of learned parameters of the discrete network."""

    multiply_adds: int | None
    """Multiply-adds of convolutions and linear layers for one image."""

    limits: LimitsRecord | None = None
    """The limits on the network, what it has, and how it meets them; null without limits."""

    budget: float | None = None
    """Seconds that the whole command was allowed to take; null without a budget."""

    planned: dict[str, float] = Field(default_factory=dict)
    """Planned seconds of each phase; empty without a budget."""

    automatic_choices: tuple[AutomaticChoice, ...] = ()
    """The settings that were chosen automatically, their values, and the reasons."""

    seconds: dict[str, float]
    """Wall-clock seconds of each phase (data, search, finalists, train, evaluation), and `total`. The phase `search`
    includes all searches of several seeds, and their short trainings."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

    baselines: dict[str, Baseline] = Field(default_factory=dict)
    """The results of the baselines, by name; empty where none were trained."""

    memory: int | None = None
    """Largest memory of search and training in bytes: what the allocator of an accelerator gave out, or by how much the
    resident set of the process grew; null where the system does not tell."""

    device: str
    """Device that the run used."""

    versions: dict[str, str]
    """Versions of Python and of the libraries that affect the results."""

    command: str
    """The command that was typed."""

    run_directory: str
    """The run directory."""

    finished: str
    """Time of the end, ISO 8601, UTC."""

    @property
    def path(self) -> Path:
        """The run directory."""
        return Path(self.run_directory)

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 called the baselines `yardsticks`, the finalists `finals`, the automatic choices `decisions`."""
        renamed = {_PHASES.get(key, key): value for key, value in migrate(content).items()}
        for key in ("seconds", "planned"):
            renamed[key] = {_PHASES.get(phase, phase): seconds for phase, seconds in content.get(key, {}).items()}
        return renamed

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        return view_of(self)


_PHASES = {"yardsticks": "baselines", "finals": "finalists"}
"""Phase of version 1 -> its present name."""


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that affect the results, by name."""
    return {
        "dartboard": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
