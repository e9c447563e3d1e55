"""What a comparison of methods ends with: the object in `comparison.json`, which `--json` prints too."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Record, TestAccuracies, Version

__all__ = ["ComparedMethod", "ComparedRun", "Comparison", "Spread", "summary_of"]


class ComparedRun(TestAccuracies):
    """One search of a comparison; accuracies are fractions, and null where they were not measured."""

    method: str
    """As it was named, options included."""

    seed: int
    """Root of its random streams, and of the split of the images."""

    folder: str
    """Its run directory, inside that of the comparison."""

    genotype: GenotypeForms | None = None
    """What it found."""

    validation_accuracy: float | None = None
    """Of the network, or after a search alone of the supernet."""

    table_accuracy: float | None = None
    """On CIFAR-10's test images after the short schedule of 12 epochs, by the table of NAS-Bench-201."""

    table_percentile: float | None = None
    """How many in a hundred of the table's architectures are worse."""

    skips: int | None = None
    """Skip connections in its cells."""

    parameters: int | None = None
    """Learned numbers of the network."""

    multiply_adds: int | None = None
    """Multiply-adds for one image."""

    search_seconds: float | None = None
    """Of the search."""

    train_seconds: float | None = None
    """Of the training."""

    failure: str | None = None
    """Why it did not come to its end; null for one that did."""


class Spread(Record):
    """A mean over seeds."""

    mean: float
    """Mean."""

    std: float | None
    """Sample standard deviation; null for a single value."""


class ComparedMethod(Record):
    """What the runs of one method came to; figures are null where no run has them."""

    method: str
    """As it was named."""

    runs: int
    """Runs that ended."""

    failures: int
    """Runs that could not."""

    test_accuracy: Spread | None
    """Accuracy of the trained network on the test images."""

    balanced_accuracy: Spread | None
    """Mean recall of the classes on the test images."""

    difference: Spread | None
    """What counts less that of the baseline with the same seed: test accuracy, plain or balanced, or by the table
    where nothing was trained; null for the baseline itself."""

    table_accuracy: Spread | None
    """Accuracy by the table of NAS-Bench-201, on CIFAR-10 after 12 epochs."""

    table_percentile: Spread | None
    """How many in a hundred of the table's architectures are worse."""

    skips: Spread | None
    """Skip connections in the cells."""

    parameters: Spread | None
    """Learned numbers of the network."""

    multiply_adds: Spread | None
    """Multiply-adds for one image."""

    search_seconds: Spread | None
    """Seconds of the search."""

    train_seconds: Spread | None
    """Seconds of the training."""


class Comparison(Document):
    """Summary of a comparison of methods, which `--json` prints."""

    file: ClassVar[str] = "comparison.json"
    written_by: ClassVar[str] = "compare"

    layout: Version = 2

    dataset: str | None
    """Name of the dataset; null before the first run has ended."""

    space: str
    """Search space of all."""

    trained: bool
    """Whether what was found was trained and tested, or searched alone."""

    baseline: str | None
    """The method that all others are compared with; null for a single method."""

    methods: tuple[ComparedMethod, ...]
    """In the order in which they were named."""

    runs: tuple[ComparedRun, ...]
    """Those that ended or failed so far, in the order in which they were made."""

    wanted: int
    """Runs in all."""

    command: str
    """What was typed."""

    run_directory: str
    """Where everything lies."""

    finished: str
    """Time of this summary, ISO 8601, UTC."""

    @property
    def path(self) -> Path:
        """Where everything lies."""
        return Path(self.run_directory)

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """In version 1 the baseline was the `reference`."""
        return {"baseline" if key == "reference" else key: value for key, value in content.items()}


def summary_of(method: str, baseline: str | None, runs: Sequence[ComparedRun]) -> ComparedMethod:
    """What the runs of one method came to, beside those of the baseline with the same seeds."""
    own = [run for run in runs if run.method == method]
    ended = [run for run in own if run.failure is None]

    def spread(of: Callable[[ComparedRun], float | None]) -> Spread | None:
        return _spread([value for value in map(of, ended) if value is not None])

    others = {run.seed: _worth(run) for run in runs if run.method == baseline}
    differences = [
        worth - other
        for run in ended
        if (worth := _worth(run)) is not None and (other := others.get(run.seed)) is not None
    ]
    return ComparedMethod(
        method=method,
        runs=len(ended),
        failures=len(own) - len(ended),
        test_accuracy=spread(lambda run: run.test_accuracy),
        balanced_accuracy=spread(lambda run: run.balanced_accuracy),
        difference=None if method == baseline else _spread(differences),
        table_accuracy=spread(lambda run: run.table_accuracy),
        table_percentile=spread(lambda run: run.table_percentile),
        skips=spread(lambda run: run.skips),
        parameters=spread(lambda run: run.parameters),
        multiply_adds=spread(lambda run: run.multiply_adds),
        search_seconds=spread(lambda run: run.search_seconds),
        train_seconds=spread(lambda run: run.train_seconds),
    )


def _worth(run: ComparedRun) -> float | None:
    """What methods are compared by."""
    return run.table_accuracy if run.tested is None else run.tested


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    return Spread(mean=fmean(values), std=stdev(values) if len(values) > 1 else None)
