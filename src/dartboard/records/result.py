"""What a run ends with: the object in `result.json`, which `--json` prints too."""

import json
import platform
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy
import torch
from pydantic import Field

from dartboard.records.baselines import Baseline
from dartboard.records.choice import Finalists, SeedChoiceRecord
from dartboard.records.dataset import DatasetRecord, GenotypeForms
from dartboard.records.finished import AnalysisRecord, ReselectionRecord
from dartboard.runs import Document, TestAccuracies, ValidationAccuracies, Version
from dartboard.settings.migration import migrate
from dartboard.settings.tree import AutomaticChoice
from dartboard.version import __version__

__all__ = ["Result", "notebook_view", "versions"]


class Result(TestAccuracies, ValidationAccuracies, Document):
    """Summary of a run, which `--json` prints; figures of steps that were not asked for are null."""

    file: ClassVar[str] = "result.json"
    written_by: ClassVar[str] = "the end"

    layout: Version = 2

    dataset: DatasetRecord
    """What was learned from and tested on."""

    space: str
    """Search space."""

    method: str | None
    """Search method; null when a given genotype was trained."""

    seed: int
    """Root of every random stream."""

    genotype: GenotypeForms
    """The architecture."""

    reselection: ReselectionRecord | None = None
    """What was selected afterwards from the supernet of another run; null for other runs."""

    analysis: AnalysisRecord | None = None
    """What was found out about the search of another run; null for other runs."""

    choice: SeedChoiceRecord | None = None
    """Which of several searches found it; null for one search or none."""

    finalists: Finalists | None = None
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
    """Which settings were left open, what they became, and why."""

    seconds: dict[str, float]
    """Wall-clock seconds per phase (data, search, finalists, train, evaluation), and `total`; several searches count
    with their short trainings as one."""

    test_accuracy_std: float | None
    """Standard deviation over the trained networks (ddof 0)."""

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

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """In version 1 the baselines were `yardsticks`, the finalists `finals`, the automatic choices `decisions`."""
        renamed = {_PHASES.get(key, key): value for key, value in migrate(content).items()}
        for key in ("seconds", "planned"):
            renamed[key] = {_PHASES.get(phase, phase): seconds for phase, seconds in content.get(key, {}).items()}
        return renamed

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return _VIEWS[-1](self)


_PHASES = {"yardsticks": "baselines", "finals": "finalists"}
"""Phases of version 1, and what they are called now."""


def _plain_view(result: Result) -> str:
    return f"<pre>{escape(json.dumps(result.to_json(), indent=2, ensure_ascii=False))}</pre>"


_VIEWS: list[Callable[[Result], str]] = [_plain_view]


def notebook_view(view: Callable[[Result], str]) -> Callable[[Result], str]:
    """Let the decorated function write what a notebook shows of a result, as HTML; without one it is the plain text."""
    _VIEWS.append(view)
    return view


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide the figures."""
    return {
        "dartboard": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }
