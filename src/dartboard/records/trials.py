"""What a finished run contributes to a table: the figures that comparisons and studies share."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from dartboard.estimate import SCHEDULES, TableEntry, look_up
from dartboard.records.dataset import GenotypeForms
from dartboard.records.result import CollapseSummary, Result
from dartboard.records.start import Beginning
from dartboard.runs import Fraction, RunDirectory, SearchEpoch, TestAccuracies, read_arrays

__all__ = ["RunFigures", "TrialResult", "figures_of"]

_TABLE_COLUMN = "cifar10_test"
_TOP = 5


class RunFigures(TestAccuracies):
    """The figures of one run in a table; accuracies are fractions, and null where they were not measured."""

    genotype: GenotypeForms | None = None
    """The architecture that it found."""

    blind: bool = False
    """Whether nothing of the images passes through that architecture."""

    validation_accuracy: Fraction | None = None
    """Validation accuracy of the trained network; if none was trained, that of the supernet."""

    table_accuracy: float | None = None
    """Accuracy on CIFAR-10's test images after the short schedule of 12 epochs, by the table of NAS-Bench-201."""

    table_percentile: float | None = None
    """Percentage of the architectures in that table that are worse."""

    tables: tuple[TableEntry, ...] = ()
    """All figures of the tables of NAS-Bench-201, one entry for each schedule whose table was found."""

    skips: int | None = None
    """Number of skip connections in its cells."""

    parameters: int | None = None
    """Number of learned parameters of the network."""

    multiply_adds: int | None = None
    """Multiply-adds for one image."""

    search_images: int | None = None
    """Number of images from which the weights of its supernet learned."""

    search_steps: int | None = None
    """Number of weight steps of its search."""

    search_seconds: float | None = None
    """Seconds of the search; of both searches where one collapsed and a second one went on."""

    collapse: CollapseSummary | None = None
    """The search that collapsed and was stopped, or gave way to a second one; null for all other runs."""

    train_seconds: float | None = None
    """Seconds of the training."""

    top5_accuracy: Fraction | None = None
    """Share of the test images whose class is among the five most probable ones; of the first network, and null with
    five classes or fewer."""

    device: str | None = None
    """Device that it used."""

    memory: int | None = None
    """Largest memory of search and training in bytes: what the allocator of an accelerator gave out, or by how much the
    resident set of the process grew; null where it was not measured."""

    failure: str | None = None
    """Reason why the run failed; null for a run that ended."""


class TrialResult(RunFigures):
    """The figures of one trial of a study."""

    key: str
    """Name of the trial, which tells what determines its result."""

    task: str
    """What it did: "run" (search, train and test), "search", "train" (train and test) or "short-train"."""

    labels: dict[str, str]
    """Its place in the grid: method, space, data, seed, and one label for every varied setting."""

    folder: str
    """Its run directory, relative to the directory of the study."""

    test_accuracy_std: float | None = None
    """Standard deviation of the test accuracy over the networks of the trial (ddof 0); null where one was trained."""

    @classmethod
    def of(cls, result: Result, run: RunDirectory, **place: Any) -> Self:
        """The figures of a trial that has ended.

        Args:
            result: summary of its run.
            run: its run directory.
            place: its key, task, labels and folder.
        """
        networks = result.test_accuracy_std if (result.test_accuracy_std or 0) > 0 else None
        return cls(
            **place,
            **figures_of(result, run),
            test_accuracy_std=networks,
        )


def figures_of(result: Result, run: RunDirectory) -> dict[str, Any]:
    """The figures of a run that has ended, as keys of `RunFigures`.

    Args:
        result: summary of the run.
        run: its directory, which also tells on how many images its supernet learned and in how many steps.
    """
    genotype = result.genotype.genotype
    tables = look_up(genotype)
    accuracy, percentile = _short_schedule(tables)
    begun = Beginning.find(run.path)
    steps = sum(event.steps for event in run.events.read() if isinstance(event, SearchEpoch))
    return {
        "genotype": result.genotype,
        "blind": result.blind,
        "test_accuracy": result.test_accuracy,
        "balanced_accuracy": result.balanced_accuracy,
        "objective": result.objective,
        "validation_accuracy": result.validation_accuracy,
        "table_accuracy": accuracy,
        "table_percentile": percentile,
        "tables": tables,
        "skips": genotype.operation_counts.get("skip_connect", 0),
        "parameters": result.parameters,
        "multiply_adds": result.multiply_adds,
        "search_images": begun.search_images if begun else None,
        "search_steps": steps or None,
        "search_seconds": result.seconds.get("search"),
        "collapse": result.collapse,
        "train_seconds": result.seconds.get("train"),
        "top5_accuracy": _top5(run),
        "device": result.device,
        "memory": result.memory,
    }


def _short_schedule(tables: Sequence[TableEntry]) -> tuple[float | None, float | None]:
    """Accuracy and percentile on CIFAR-10 after the short schedule; None where its table is not there."""
    for entry in tables:
        if entry.epochs == SCHEDULES[0] and _TABLE_COLUMN in entry.figures:
            return entry.figures[_TABLE_COLUMN].accuracy, entry.figures[_TABLE_COLUMN].percentile
    return None, None


def _top5(run: RunDirectory) -> float | None:
    """Share of the test images whose class is among the five most probable ones, by the predictions of a run."""
    if not run.has("predictions.npz"):
        return None
    arrays = read_arrays(run.path / "predictions.npz", ("labels", "probabilities"))
    labels, probabilities = arrays["labels"], arrays["probabilities"]
    if probabilities.shape[1] <= _TOP:
        return None
    likely = np.argpartition(-probabilities, _TOP - 1, axis=1)[:, :_TOP]
    return float((likely == labels[:, None]).any(axis=1).mean())
