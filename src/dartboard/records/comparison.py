"""The summary of a comparison of methods: the content of `comparison.json`, which `--json` prints too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, ClassVar

from dartboard.estimate import Agreement, TableEntry
from dartboard.records.dataset import DataFinding
from dartboard.records.notebook import view_of
from dartboard.records.published import PublishedFigure
from dartboard.records.scale import RunScale
from dartboard.records.statistics import Statistics
from dartboard.records.trials import RunFigures
from dartboard.runs import Document, Record, Version

__all__ = [
    "ChosenRun",
    "ComparedMethod",
    "ComparedRun",
    "Comparison",
    "ScheduleSpread",
    "Spread",
    "TableSpread",
    "summary_of",
]


class ComparedRun(RunFigures):
    """One run of a comparison; accuracies are fractions, and null where they were not measured."""

    method: str
    """Name and options of the method, as the user gave them."""

    seed: int
    """Root of its random streams, and of the split of the images."""

    folder: str
    """Its run directory, relative to the directory of the comparison."""


class Spread(Record):
    """Mean and standard deviation over seeds."""

    mean: float
    """Mean."""

    std: float | None
    """Sample standard deviation; null for a single value."""

    interval: tuple[float, float] | None = None
    """95% interval of the mean by Student's t, which takes the number of seeds into account; null for one value."""


class TableSpread(Record):
    """The figures of one data set and part in one table, over the seeds of a method."""

    accuracy: Spread
    """Accuracy after the schedule of the table."""

    percentile: Spread
    """Percentage of the architectures in the table that are worse."""

    difference: Spread | None
    """Accuracy minus that of the baseline with the same seed; null for the baseline itself."""


class ScheduleSpread(Record):
    """The figures of one table of NAS-Bench-201, over the seeds of a method."""

    epochs: int
    """Epochs of the schedule; figures of different schedules must not be compared."""

    figures: dict[str, TableSpread]
    """The figures by data set and part, such as "cifar10_test"."""


class ChosenRun(Record):
    """One seed of a method that a choice rule takes, beside the mean over all of them."""

    rule: str
    """Name of the rule."""

    of: int
    """Number of seeds that it chose among."""

    seed: int
    """The seed."""

    test_accuracy: float | None
    """Test accuracy of its network, or the mean of its networks; null where none was tested."""

    std: float | None = None
    """Standard deviation over its networks (ddof 0); null for one network."""

    rule_violated: bool = False
    """Whether the rule rejects every seed, so that the best of all was taken."""


class ComparedMethod(Record):
    """The results of the runs of one method; figures are null where no run has them."""

    method: str
    """Name and options of the method, as the user gave them."""

    runs: int
    """Number of runs that ended."""

    failures: int
    """Number of runs that failed."""

    test_accuracy: Spread | None
    """Accuracy of the trained network on the test images."""

    balanced_accuracy: Spread | None
    """Mean recall of the classes on the test images."""

    difference: Spread | None
    """Accuracy minus that of the baseline with the same seed; null for the baseline itself. It is the test accuracy,
    plain or balanced by the objective, or the accuracy by the table if nothing was tested."""

    table_accuracy: Spread | None
    """Accuracy by the table of NAS-Bench-201, on CIFAR-10 after 12 epochs."""

    table_percentile: Spread | None
    """Percentage of the architectures in that table that are worse."""

    tables: tuple[ScheduleSpread, ...] = ()
    """All figures of the tables of NAS-Bench-201, one entry for each schedule whose table was found."""

    skips: Spread | None
    """Number of skip connections in the cells."""

    parameters: Spread | None
    """Number of learned parameters of the network."""

    multiply_adds: Spread | None
    """Multiply-adds for one image."""

    search_images: Spread | None = None
    """Number of images from which the weights of the supernet learned."""

    search_steps: Spread | None = None
    """Number of weight steps of the search."""

    search_seconds: Spread | None
    """Seconds of the search."""

    train_seconds: Spread | None
    """Seconds of the training."""

    top5_accuracy: Spread | None = None
    """Share of the test images whose class is among the five most probable ones."""

    memory: Spread | None = None
    """Largest memory of a run, in bytes."""

    chosen: ChosenRun | None = None
    """The seed that a choice rule takes; null where none chooses."""


class Comparison(Document):
    """Summary of a comparison of methods, which `--json` prints."""

    file: ClassVar[str] = "comparison.json"
    written_by: ClassVar[str] = "compare"

    layout: Version = 2

    dataset: str | None
    """Name of the dataset; null before the first run has ended."""

    findings: tuple[DataFinding, ...] = ()
    """What the check of the data found: of each kind, what it found in the first run that ended and has any."""

    space: str
    """Search space of all runs."""

    preset: str | None = None
    """Preset of all runs; null in a comparison of an earlier version."""

    seeds: tuple[int, ...] = ()
    """The seeds; every method runs once with each. Empty in a comparison of an earlier version."""

    trained: bool
    """Whether the architectures found were also trained and tested."""

    baseline: str | None
    """The method that all others are compared with; null for a single method."""

    methods: tuple[ComparedMethod, ...]
    """The results of all methods, in the order in which the user named them."""

    runs: tuple[ComparedRun, ...]
    """The runs that ended or failed so far, in the order in which they were made."""

    errors: bool = False
    """Whether its tables show errors on the test images, as papers do, in place of accuracies."""

    differs: tuple[str, ...] = ()
    """Settings beside those of the search in which rows differ, so that not all of them have the same recipe."""

    notes: tuple[str, ...] = ()
    """Sentences about the whole, such as what was left out."""

    agreements: tuple[Agreement, ...] = ()
    """How far the two schedules of NAS-Bench-201 order all its cells alike, by data set; empty unless both tables were
    found."""

    statistics: Statistics | None = None
    """Which methods tests tell apart; null for fewer than two methods with an accuracy."""

    published: tuple[PublishedFigure, ...] = ()
    """What papers print of these methods in this space and on this data set; nothing of it was measured here."""

    scales: tuple[RunScale, ...] = ()
    """How large the runs were: what published figures differ in."""

    wanted: int
    """Number of runs of the whole comparison."""

    command: str
    """The command that was typed."""

    run_directory: str
    """Directory of the comparison."""

    finished: str
    """Time of this summary, ISO 8601, UTC."""

    @property
    def path(self) -> Path:
        """Directory of the comparison."""
        return Path(self.run_directory)

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        return view_of(self)

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 called the baseline `reference`."""
        return {"baseline" if key == "reference" else key: value for key, value in content.items()}


def summary_of(method: str, baseline: str | None, runs: Sequence[ComparedRun]) -> ComparedMethod:
    """The results of the runs of one method, and their differences to the runs of the baseline with the same seeds."""
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
        tables=tuple(_schedules(ended, [] if method == baseline else [run for run in runs if run.method == baseline])),
        skips=spread(lambda run: run.skips),
        parameters=spread(lambda run: run.parameters),
        multiply_adds=spread(lambda run: run.multiply_adds),
        search_images=spread(lambda run: run.search_images),
        search_steps=spread(lambda run: run.search_steps),
        search_seconds=spread(lambda run: run.search_seconds),
        train_seconds=spread(lambda run: run.train_seconds),
        top5_accuracy=spread(lambda run: run.top5_accuracy),
        memory=spread(lambda run: run.memory),
    )


def _schedules(own: Sequence[ComparedRun], others: Sequence[ComparedRun]) -> Iterator[ScheduleSpread]:
    """The spreads of every schedule and column over the runs of a method, beside those of the baseline."""
    for epochs in sorted({entry.epochs for run in own for entry in run.tables}):
        by_seed, beside = _of_schedule(own, epochs), _of_schedule(others, epochs)
        columns = dict.fromkeys(column for entry in by_seed.values() for column in entry.figures)
        yield ScheduleSpread(epochs=epochs, figures={column: _column(column, by_seed, beside) for column in columns})


def _of_schedule(runs: Sequence[ComparedRun], epochs: int) -> dict[int, TableEntry]:
    """Seed -> the entry of that schedule."""
    return {run.seed: entry for run in runs for entry in run.tables if entry.epochs == epochs}


def _column(column: str, own: Mapping[int, TableEntry], others: Mapping[int, TableEntry]) -> TableSpread:
    figures = {seed: entry.figures[column] for seed, entry in own.items() if column in entry.figures}
    differences = [
        told.accuracy - others[seed].figures[column].accuracy
        for seed, told in figures.items()
        if seed in others and column in others[seed].figures
    ]
    accuracy = _spread([told.accuracy for told in figures.values()])
    percentile = _spread([told.percentile for told in figures.values()])
    assert accuracy is not None
    assert percentile is not None
    return TableSpread(accuracy=accuracy, percentile=percentile, difference=_spread(differences))


def _worth(run: ComparedRun) -> float | None:
    """The accuracy by which methods are compared: the tested one, or without a test that of the table."""
    return run.table_accuracy if run.tested is None else run.tested


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    mean, seeds = fmean(values), len(values)
    if seeds == 1:
        return Spread(mean=mean, std=None)
    from scipy.special import stdtrit  # slow to import, and most verbs compare nothing

    std = stdev(values)
    half = float(stdtrit(seeds - 1, 0.975)) * std / sqrt(seeds)
    return Spread(mean=mean, std=std, interval=(mean - half, mean + half))
