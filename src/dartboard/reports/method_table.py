"""The table of the methods of a comparison, as text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dartboard.estimate import SCHEDULES, column_in_words
from dartboard.records import ComparedMethod, Comparison
from dartboard.records.comparison import Spread, TableSpread
from dartboard.reports.table_notes import table_notes, what_counts
from dartboard.wording import DASH, compact, duration, listing, signed_points

__all__ = [
    "MethodTable",
    "caption",
    "tabulate",
    "tabulate_schedules",
]

_COLUMN = "cifar10_test"
_SPREADING = (
    *("test_accuracy", "balanced_accuracy", "difference", "table_accuracy", "table_percentile", "skips"),
    *("accuracy", "percentile", "test_error", "top5_accuracy", "top5_error", "chosen_accuracy", "chosen_error"),
)
"""Figures that are shown with their standard deviation; the others are shown as means only."""

_MORE_IS_BETTER = (
    *("test_accuracy", "balanced_accuracy", "table_accuracy", "table_percentile"),
    *("accuracy", "percentile", "top5_accuracy", "chosen_accuracy"),
)
_LESS_IS_BETTER = ("test_error", "top5_error", "chosen_error")
_UNEQUAL = ("search_images", "search_steps")
"""Figures that are shown only where methods differ in them, so that they had not the same chances."""


@dataclass(frozen=True)
class MethodTable:
    """A table of text with one row for each method.

    Attributes:
        caption: data set, space, preset, seeds, and what was done, in one sentence.
        headings: headings of the columns; the first column holds the names.
        rows: one text for each column.
        best: for each row the columns in which no other method is better.
        notes: sentences that explain the table.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: tuple[frozenset[int], ...]
    notes: tuple[str, ...]


Write = Callable[[ComparedMethod], str]


def caption(comparison: Comparison) -> str:
    """Data set, space, preset, seeds, and what was done, in one sentence."""
    done = "each architecture found was trained and tested" if comparison.trained else "only searched, not trained"
    parts = [
        f"Data set {comparison.dataset or 'not known before the first run has ended'}",
        f"space {comparison.space}",
        f"preset {comparison.preset}" if comparison.preset else "",
        _seeds(comparison.seeds),
    ]
    return f"{', '.join(filter(None, parts))}; {done}."


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > 3 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {listing(map(str, seeds))}" if seeds else ""


def tabulate(comparison: Comparison) -> MethodTable:
    """The table of the methods of a comparison; columns without any figure are left out."""
    methods = comparison.methods
    columns: list[tuple[str, Write, frozenset[int]]] = [
        ("method", lambda method: method.method, frozenset()),
        ("runs", _runs, frozenset()),
    ]
    counts = what_counts(comparison)[0]
    counts = "test_error" if comparison.errors and counts == "test_accuracy" else counts
    for key, heading, write in _figures(comparison):
        spreads = [_spread(method, key) for method in methods]
        if not any(spreads) or (key == "balanced_accuracy" and counts != key):
            continue
        if key in _UNEQUAL and len({spread.mean for spread in spreads if spread}) < 2:
            continue
        columns.append((heading, _cell(key, write), _best(key, spreads)))
        if key in (counts, "difference") and any(spread and spread.interval for spread in spreads):
            what = "difference" if key == "difference" else "mean"
            columns.append((f"95% interval of the {what}", _interval(key, write), frozenset()))
    return MethodTable(
        caption=caption(comparison),
        headings=tuple(heading for heading, _, _ in columns),
        rows=tuple(tuple(write(method) for _, write, _ in columns) for method in methods),
        best=tuple(
            frozenset(place for place, (_, _, best) in enumerate(columns) if row in best) for row in range(len(methods))
        ),
        notes=tuple(table_notes(comparison)),
    )


def _figures(comparison: Comparison) -> tuple[tuple[str, str, Callable[[float], str]], ...]:
    """Key, heading and format of every figure that a method may have; of a longer schedule `KEY@EPOCHS`."""
    baseline = comparison.baseline
    worth, above = (
        ("error", f"accuracy above {baseline}") if comparison.errors else ("accuracy", f"difference to {baseline}")
    )
    chosen = next((method.chosen for method in comparison.methods if method.chosen), None)
    return (
        (f"test_{worth}", f"test {worth} (%)", _percent),
        *([(f"chosen_{worth}", f"test {worth} (%), 1 of {chosen.of} by {chosen.rule}", _percent)] if chosen else []),
        (f"top5_{worth}", f"top-5 {worth} (%)", _percent),
        ("balanced_accuracy", "balanced accuracy (%)", _percent),
        ("difference", f"{above} (points)", signed_points),
        ("table_accuracy", "by the table, 12 epochs (%)", _percent),
        ("table_percentile", "better than, 12 epochs (%)", _one_digit),
        *(
            figure
            for epochs in _longer_schedules(comparison)
            for figure in (
                (f"accuracy@{epochs}", f"by the table, {epochs} epochs (%)", _percent),
                (f"percentile@{epochs}", f"better than, {epochs} epochs (%)", _one_digit),
                (f"difference@{epochs}", f"difference to {baseline}, {epochs} epochs (points)", signed_points),
            )
            if not comparison.trained or not figure[0].startswith("difference")
        ),
        ("skips", "skip connections", lambda value: f"{value:.1f}"),
        ("parameters", "parameters", lambda value: compact(round(value))),
        ("multiply_adds", "multiply-adds", lambda value: compact(round(value))),
        ("search_images", "images of the search", lambda value: f"{value:,.0f}"),
        ("search_steps", "steps of the search", lambda value: f"{value:,.0f}"),
        ("search_seconds", "search", duration),
        ("train_seconds", "training", duration),
        ("memory", "memory", _mebibytes),
    )


def tabulate_schedules(comparison: Comparison) -> tuple[MethodTable, ...]:
    """For each schedule of NAS-Bench-201 whose table was found, the methods on all its data sets; else empty."""
    schedules = sorted({told.epochs for method in comparison.methods for told in method.tables})
    return tuple(_schedule_table(comparison, epochs) for epochs in schedules)


def _schedule_table(comparison: Comparison, epochs: int) -> MethodTable:
    of_method = {
        method.method: told for method in comparison.methods for told in method.tables if told.epochs == epochs
    }
    columns = tuple(dict.fromkeys(column for told in of_method.values() for column in told.figures))
    accuracies = {
        column: [told.figures[column].accuracy if column in told.figures else None for told in of_method.values()]
        for column in columns
    }
    best = {column: _best("accuracy", spreads) for column, spreads in accuracies.items()}
    return MethodTable(
        caption=f"By the table of NAS-Bench-201 after {epochs} epochs: accuracy (%), and in brackets how many in a "
        "hundred of all cells are worse.",
        headings=("method", *map(column_in_words, columns)),
        rows=tuple(
            (name, *(_by_table(told.figures.get(column)) for column in columns)) for name, told in of_method.items()
        ),
        best=tuple(
            frozenset(place for place, column in enumerate(columns, 1) if row in best[column])
            for row in range(len(of_method))
        ),
        notes=(),
    )


def _by_table(told: TableSpread | None) -> str:
    if told is None:
        return DASH
    spread = "" if told.accuracy.std is None else f" ± {_percent(told.accuracy.std)}"
    return f"{_percent(told.accuracy.mean)}{spread} ({_one_digit(told.percentile.mean)})"


def _longer_schedules(comparison: Comparison) -> tuple[int, ...]:
    """Epochs of the schedules of NAS-Bench-201 beside the short one whose tables were found."""
    return tuple(sorted({told.epochs for method in comparison.methods for told in method.tables} - {SCHEDULES[0]}))


def _spread(method: ComparedMethod, key: str) -> Spread | None:
    """The figure of a method; `KEY@EPOCHS` is that of CIFAR-10's test images in the table of that schedule."""
    name, at, epochs = key.partition("@")
    if key in _DERIVED:
        return _DERIVED[key](method)
    if not at:
        found: Spread | None = getattr(method, key)
        return found
    told = next((told.figures.get(_COLUMN) for told in method.tables if told.epochs == int(epochs)), None)
    figures: dict[str, Spread | None] = {} if told is None else dict(told)
    return figures.get(name)


def _error(accuracy: Spread | None) -> Spread | None:
    """The error that belongs to an accuracy."""
    if accuracy is None:
        return None
    interval = (1 - accuracy.interval[1], 1 - accuracy.interval[0]) if accuracy.interval else None
    return Spread(mean=1 - accuracy.mean, std=accuracy.std, interval=interval)


def _chosen(method: ComparedMethod) -> Spread | None:
    """The accuracy of the seed that a choice rule takes."""
    told = method.chosen
    return None if told is None or told.test_accuracy is None else Spread(mean=told.test_accuracy, std=told.std)


_DERIVED: Mapping[str, Callable[[ComparedMethod], Spread | None]] = {
    "test_error": lambda method: _error(method.test_accuracy),
    "top5_error": lambda method: _error(method.top5_accuracy),
    "chosen_accuracy": _chosen,
    "chosen_error": lambda method: _error(_chosen(method)),
}
"""Figures that are computed from those of the record."""


def _mebibytes(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _cell(key: str, write: Callable[[float], str]) -> Write:
    def text(method: ComparedMethod) -> str:
        spread = _spread(method, key)
        if spread is None:
            return DASH
        mean = write(spread.mean)
        if spread.std is None or key.partition("@")[0] not in _SPREADING:
            return mean
        return f"{mean} ± {write(spread.std).removeprefix('+')}"

    return text


def _interval(key: str, write: Callable[[float], str]) -> Write:
    def text(method: ComparedMethod) -> str:
        spread = _spread(method, key)
        if spread is None or spread.interval is None:
            return DASH
        lowest = -1.0 if key == "difference" else 0.0
        return " to ".join(write(min(max(end, lowest), 1.0)) for end in spread.interval)

    return text


def _best(key: str, spreads: Sequence[Spread | None]) -> frozenset[int]:
    """Rows with the best mean, as far as it is shown; none where there is nothing to choose from."""
    means = {row: round(spread.mean, 4) for row, spread in enumerate(spreads) if spread is not None}
    if key in _LESS_IS_BETTER and len(means) > 1:
        return frozenset(row for row, mean in means.items() if mean == min(means.values()))
    if key.partition("@")[0] not in _MORE_IS_BETTER or len(means) < 2:
        return frozenset()
    return frozenset(row for row, mean in means.items() if mean == max(means.values()))


def _one_digit(value: float) -> str:
    return f"{value:.1f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _runs(method: ComparedMethod) -> str:
    return f"{method.runs}" + (f", {method.failures} failed" if method.failures else "")
