"""What `table_search.py` asks for, and how it shows what was found beside published figures."""

import csv
import statistics
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dartboard.estimate import SCHEDULES

__all__ = [
    "COLUMNS",
    "MAIN",
    "METHODS",
    "as_table",
    "headings_of",
    "in_words",
    "mean_and_deviation",
    "published_figures",
    "request",
    "summarize",
]

Records = dict[str, Any]
"""What a JSON file of results holds."""

MAIN = "cifar10_test"
COLUMNS = {"cifar10_test": "CIFAR-10", "cifar100_test": "CIFAR-100", "imagenet16-120_test": "ImageNet16-120"}
"""The columns that both tables have, and what they are called."""

METHODS: Mapping[str, tuple[int, int]] = {
    "rsps": (250, 391),
    "darts": (50, 391),
    "gdas": (250, 391),
    "setn": (250, 391),
    "enas": (250, 391),
    "cdarts": (50, 391),
    "darts-minus": (50, 391),
    "single-darts": (50, 782),
    "snas": (100, 391),
    "pc-darts": (100, 391),
    "drnas": (100, 391),
    "beta-darts": (50, 391),
}
"""Name -> epochs of its search in this space, and steps of one at batch 64: 391 on half of the training images, 782 on
all. 250 epochs: the benchmark's own code; 100: DrNAS (arXiv:2006.10355), which compares its rivals at that length; 50:
DARTS and the methods that follow it. CDARTS does not say; it has 50 here."""

SEARCH = {"batch_size": 64, "init_channels": 4, "layers": 1, "validation_images": 500}
"""The same for all methods; rates are their own."""

SPACE, SCHEDULE = "nas-bench-201", "table look-up, 200 epochs"
LABELS = {"CIFAR-10": "cifar10_test", "CIFAR-100": "cifar100_test", "ImageNet16-120": "imagenet16-120_test"}


def request(name: str, seed: int, scale: float, steps: int | None) -> dict[str, Any]:
    """The settings of one search.

    Args:
        name: the method.
        seed: the root of its random streams.
        scale: share of the published number of steps.
        steps: steps in all instead; None for those of the publication.
    """
    epochs, per_epoch = METHODS[name]
    total = steps if steps is not None else max(1, round(scale * epochs * per_epoch))
    epochs = min(epochs, total)
    return {
        "space": SPACE,
        "preset": "darts-cifar",
        "method": {"name": name},
        "seed": seed,
        "device": "cpu",
        "search": {**SEARCH, "epochs": epochs, "steps_per_epoch": total // epochs},
    }


def published_figures(path: Path) -> Iterator[Records]:
    """The published test accuracies by the table of 200 epochs of the methods here; none without the file."""
    if not path.is_file():
        print(f"{path} was not found, so no published figures are shown beside; name the file with --published")
        return
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            wanted = (row["space"], row["schedule"], row["metric"]) == (SPACE, SCHEDULE, "test_accuracy")
            if wanted and row["method"] in METHODS and row["dataset"] in LABELS:
                kept = ("method", "variant", "dataset", "value", "std", "note", "source")
                yield {key: row[key] for key in kept}


def summarize(records: Records) -> None:
    """Means and sample standard deviations over the seeds of a method with one number of steps."""
    groups: dict[tuple[str, int], list[Records]] = {}
    for name, run in records["runs"].items():
        length = run["asked"]["search"]
        steps = length["epochs"] * length["steps_per_epoch"]
        groups.setdefault((name.rpartition("/")[0], steps), []).append(run)
    records["methods"] = [
        {
            "method": method,
            "steps": steps,
            "published_steps": METHODS[method][0] * METHODS[method][1],
            "seeds": len(own),
            "skips": mean_and_deviation(run["skips"] for run in own),
            "tables": {
                str(epochs): {
                    column: mean_and_deviation(run["tables"][str(epochs)][column]["accuracy"] for run in own)
                    for column in COLUMNS
                }
                for epochs in SCHEDULES
            },
        }
        for (method, steps), own in sorted(groups.items())
    ]


def as_table(records: Records) -> str:
    """The records as Markdown."""
    published = records["published"]
    sources = list(dict.fromkeys(row["source"] for row in published))
    lines = [
        "# Methods by the tables of NAS-Bench-201",
        "",
        f"Printed by `{records['command']}` ({records['machine']}, torch {records['torch']}, {records['date']}).",
        f"NAS-Bench-201 space on CIFAR-10, batches of {SEARCH['batch_size']}, {SEARCH['init_channels']} channels, "
        f"{SEARCH['layers']} cell a stage (published: 16 channels, 5 cells), the rates of the methods, one thread a "
        "search.",
        "Accuracies are those of the cells found, in percent on the test images, by the benchmark's tables; the two",
        "schedules must not be compared. Mean ± sample standard deviation over seeds. Where a search has fewer steps",
        "than published, the rate of its alpha rises as that of every short search (`search.alpha_lr_factor`).",
        "Published figures are test accuracies after 200 epochs; [n] names the source.",
        "CDARTS's paper does not print how long it searched here; it has the steps of DARTS.",
        "",
    ]
    for epochs in reversed(SCHEDULES):
        lines += [f"## After {epochs} epochs", "", *_schedule(records, epochs, sources), ""]
    lines += [f"[{number}] {source}" for number, source in enumerate(sources, 1)]
    return "\n".join(lines) + "\n"


def _schedule(records: Records, epochs: int, sources: list[str]) -> list[str]:
    beside = epochs == SCHEDULES[-1]
    columns = [heading for label in LABELS for heading in ((label, f"published, {label}") if beside else (label,))]
    lines = headings_of(["method", "steps", "of published", "seeds", "skips of 6 edges", *columns])
    for told in records.get("methods", []):
        figures = []
        for label, column in LABELS.items():
            figures.append(in_words(told["tables"][str(epochs)][column]))
            if beside:
                figures.append(_published(records["published"], told["method"], label, sources))
        share = told["steps"] / told["published_steps"]
        skips = in_words(told["skips"], 1)
        lines.append(
            f"| {told['method']} | {told['steps']} | {share:.1%} | {told['seeds']} | {skips} | {' | '.join(figures)} |"
        )
    return lines


def _published(rows: list[Records], method: str, label: str, sources: list[str]) -> str:
    """What is published of a method on a data set, each figure with the number of its source."""
    told = [
        row["value"]
        + (f" ± {row['std']}" if row["std"] else "")
        + (f" ({row['variant']})" if row["variant"] else "")
        + f" [{sources.index(row['source']) + 1}]"
        for row in rows
        if (row["method"], row["dataset"]) == (method, label)
    ]
    return "; ".join(told) or "none"


def mean_and_deviation(values: Iterable[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for a single value."""
    found = list(values)
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


def in_words(told: tuple[float, float | None], digits: int = 2) -> str:
    """A mean and its deviation, as far as there is one."""
    mean, deviation = told
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def headings_of(first: Iterable[str]) -> list[str]:
    """The first two lines of a Markdown table."""
    names = list(first)
    return [f"| {' | '.join(names)} |", "|".join(["", *["---"] * len(names), ""])]
