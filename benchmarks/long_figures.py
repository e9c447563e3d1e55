"""What `long_searches.py` asks for, and how it shows what was found."""

from collections.abc import Mapping
from typing import Any

from dartboard.estimate import SCHEDULES
from table_figures import COLUMNS, MAIN, Records, headings_of, in_words, mean_and_deviation

__all__ = ["ARMS", "QUICK", "SEARCH", "as_table", "request", "summarize"]

ARMS: Mapping[str, dict[str, Any]] = {
    "darts": {"name": "darts"},
    "single-darts": {"name": "single-darts", "options": {"matched": True}},
    "random": {"name": "random"},
    "beta-darts": {"name": "beta-darts"},
    "darts-minus": {"name": "darts-minus"},
    "gdas": {"name": "gdas"},
    "pc-darts": {"name": "pc-darts"},
    "drnas": {"name": "drnas"},
    "fair-darts": {"name": "fair-darts"},
    "sdarts-rs": {"name": "sdarts-rs"},
    "single-darts-softmax": {"name": "single-darts", "options": {"matched": True, "activation": "softmax"}},
    "single-darts-sgd": {"name": "single-darts", "options": {"matched": True, "update": "sgd"}},
    "single-darts-same-images": {"name": "single-darts", "options": {"matched": True, "images": "same-images"}},
    "single-darts-halves": {"name": "single-darts", "options": {"images": "halves"}},
    "single-darts-all-images": {"name": "single-darts"},
    "darts-2nd": {"name": "darts-2nd"},
    "robust-darts": {"name": "robust-darts"},
}
"""Name -> method with its options, the cheaper ones first: what is done when time is up is comparable.

All learn from the same half and in equal steps but `single-darts-all-images`, which has twice as many of both."""

SEARCH = {
    "epochs": 50,
    "batch_size": 64,
    "init_channels": 4,
    "layers": 1,
    "validation_images": 500,
    "alpha_lr_factor": 1.0,
}
"""The same for all arms; rates are those of the papers, whatever the number of steps."""

QUICK = {**SEARCH, "epochs": 2, "steps_per_epoch": 1}


def request(name: str, seed: int, length: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one search."""
    return {
        "space": "nas-bench-201",
        "preset": "darts-cifar",
        "method": ARMS[name],
        "seed": seed,
        "device": "cpu",
        "search": dict(length),
    }


def summarize(records: Records) -> None:
    """Means and sample standard deviations over the seeds of an arm, and what is missing."""
    runs = records["runs"]
    records["missing"] = [f"{arm}/{seed}" for seed in range(3) for arm in ARMS if f"{arm}/{seed}" not in runs]
    records["methods"] = {arm: _summary(own) for arm in ARMS if (own := _of(runs, arm))}


def _of(runs: Mapping[str, Records], arm: str) -> list[Records]:
    return [run for name, run in runs.items() if name.rpartition("/")[0] == arm]


def _summary(own: list[Records]) -> Records:
    tables = {
        str(epochs): {
            column: mean_and_deviation(run["tables"][str(epochs)][column]["accuracy"] for run in own)
            for column in COLUMNS
        }
        for epochs in SCHEDULES
    }
    best = [max(filter(None, run["by_epoch"][f"{MAIN}_200"]), default=None) for run in own]
    return {
        "seeds": len(own),
        "skips": mean_and_deviation(run["skips"] for run in own),
        "tables": tables,
        "best_epoch": mean_and_deviation(known) if (known := [each for each in best if each is not None]) else None,
        "percentile": mean_and_deviation(run["tables"]["200"][MAIN]["percentile"] for run in own),
        "search_seconds": mean_and_deviation(run["search_seconds"] for run in own),
    }


def as_table(records: Records) -> str:
    """The records as Markdown."""
    length = records["settings"]
    lines = [
        "# Long searches",
        "",
        f"Printed by `{records['command']}` ({records['machine']}, torch {records['torch']}, {records['date']}).",
        f"NAS-Bench-201 space on CIFAR-10: {length['epochs']} epochs of the search half, batches of "
        f"{length['batch_size']}, {length['init_channels']} channels, {length['layers']} cell a stage, the rates of "
        "the methods, one thread a search.",
        "Accuracies are those of the cell in the benchmark's tables, on the test images; the two schedules must not be",
        "compared. Mean ± sample standard deviation over seeds. Highest: that of the best cell of any epoch.",
        "A method collapses where its last cells are far below its highest, and have more skip connections.",
        "",
    ]
    for epochs in SCHEDULES:
        lines += [f"## After {epochs} epochs", "", *_schedule(records.get("methods", {}), epochs), ""]
    for name, left in records.get("unfinished", {}).items():
        lines += [_progress(name, left), ""]
    missing = records["missing"]
    lines.append(f"Not done yet: {', '.join(missing)}." if missing else "All searches are done.")
    return "\n".join(lines) + "\n"


def _schedule(methods: Mapping[str, Records], epochs: int) -> list[str]:
    further = ["highest, CIFAR-10", "better than (%)"] if epochs == SCHEDULES[-1] else []
    lines = headings_of(["arm", "seeds", "skips of 6 edges", *COLUMNS.values(), *further, "hours of search"])
    for arm, told in methods.items():
        figures = [in_words(told["skips"], 1), *(in_words(told["tables"][str(epochs)][column]) for column in COLUMNS)]
        if further:
            figures += [in_words(told["best_epoch"]) if told["best_epoch"] else "none", in_words(told["percentile"], 1)]
        hours = told["search_seconds"][0] / 3600
        lines.append(f"| {arm} | {told['seeds']} | {' | '.join(figures)} | {hours:.1f} |")
    return lines


def _progress(name: str, left: Records) -> str:
    """What is known of a search that has not ended."""
    skips, accuracies = left["skips"], left[f"{MAIN}_200"]
    told = (
        f" Its last cell has {skips[-1]} skips and {accuracies[-1]:.2f} on CIFAR-10 after 200 epochs." if skips else ""
    )
    return f"{name} has done {len(skips)} epochs and goes on when the command is typed again.{told}"
