"""What a comparison says beyond means: tests of its methods, and what papers print of them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dartboard.estimate import TABLE_SPACE
from dartboard.records import (
    ComparedRun,
    Comparison,
    RunRecords,
    Statistics,
    TestedImages,
    scales_of,
    statistics_of,
    to_set_beside,
)
from dartboard.reports import what_counts

__all__ = ["statistics_of_grid", "with_statistics"]

_RANDOM = "random"
_TABLE_DATASETS = ("CIFAR-10", "CIFAR-100", "ImageNet16-120")


def with_statistics(comparison: Comparison, place: Path) -> Comparison:
    """The comparison with its tests, the published figures that belong beside it, and the sizes of its runs.

    Args:
        comparison: the methods on one data set in one space.
        place: directory to which the folders of its runs are relative.

    Raises:
        RunDirectoryError: a file of a run is damaged.
    """
    ended = [run for run in comparison.runs if run.failure is None]
    key, measure = what_counts(comparison)
    values = {
        method.method: _by_seed([run for run in ended if run.method == method.method], comparison.seeds, key)
        for method in comparison.methods
    }
    names = {label: _bare(label) for label in values}
    tabled = comparison.space == TABLE_SPACE and any(run.tables for run in ended)
    datasets = [comparison.dataset] if comparison.dataset else []
    return comparison.model_copy(
        update={
            "statistics": statistics_of(
                values,
                measure=measure,
                baseline=comparison.baseline,
                random=next((label for label, name in names.items() if name == _RANDOM), None),
                images=None if key == "table_accuracy" else _images(values, ended, place, key),
            ),
            "published": to_set_beside(
                names.values(), [comparison.space], [*datasets, *(_TABLE_DATASETS if tabled else ())]
            ),
            "scales": scales_of(place / run.folder for run in ended),
        }
    )


def statistics_of_grid(comparisons: Sequence[Comparison], baseline: str | None = None) -> Statistics | None:
    """Tests of the same methods over several data sets and spaces: a block is a seed with a data set and a space.

    Args:
        comparisons: one for each data set and space.
        baseline: the method with which all others are compared.

    Returns:
        The statistics; None for fewer than two methods with an accuracy.
    """
    names = dict.fromkeys(method.method for each in comparisons for method in each.methods)
    values: dict[str, list[float | None]] = {name: [] for name in names}
    for each in comparisons:
        key, ended = what_counts(each)[0], [run for run in each.runs if run.failure is None]
        for name in names:
            values[name] += _by_seed([run for run in ended if run.method == name], each.seeds, key)
    measures = dict.fromkeys(what_counts(each)[1] for each in comparisons)
    return statistics_of(
        values,
        measure=" or ".join(measures),
        unit="block",
        baseline=baseline,
        random=next((name for name in names if _bare(name) == _RANDOM), None),
    )


def _by_seed(runs: Sequence[ComparedRun], seeds: Sequence[int], key: str) -> list[float | None]:
    found: Mapping[int, float | None] = {run.seed: getattr(run, key) for run in runs}
    return [found.get(seed) for seed in seeds]


def _bare(label: str) -> str:
    """The name of a method without its options."""
    return re.split(r"[:{]", label, maxsplit=1)[0].strip()


def _images(
    values: Mapping[str, Sequence[float | None]], runs: Sequence[ComparedRun], place: Path, key: str
) -> TestedImages | None:
    """What the networks of all methods that were tested say of every test image; None for means of several networks."""
    known = [name for name, own in values.items() if any(value is not None for value in own)]
    folders = {
        name: {run.seed: place / run.folder for run in runs if run.method == name and getattr(run, key) is not None}
        for name in known
    }
    paths = [path for own in folders.values() for path in own.values()]
    if len(known) < 2 or any(_networks(path) > 1 for path in paths):
        return None
    return TestedImages.read(folders, balanced=key == "balanced_accuracy")


def _networks(path: Path) -> int:
    """Number of networks that a run has trained."""
    repeats = RunRecords(path).settings.get("train", {}).get("runs", 1) if path.is_dir() else 1
    return repeats if isinstance(repeats, int) else 1
