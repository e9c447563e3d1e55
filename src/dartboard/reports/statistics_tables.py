"""Tables of what tests say of pairs of methods, and of published figures, which stand apart from our own."""

from collections.abc import Sequence

from dartboard.records import Comparison, PairStatistics, PublishedFigure, RunScale, Statistics, scale_sentence
from dartboard.reports.method_table import MethodTable
from dartboard.statistics import p_text
from dartboard.wording import DASH, listing, signed_points

__all__ = ["further_tables", "tabulate_pairs", "tabulate_published"]

_METRICS = {
    "test_error": "test error",
    "test_accuracy": "test accuracy",
    "val_accuracy": "validation accuracy",
    "top1_error": "top-1 error",
    "top5_error": "top-5 error",
    "top1_accuracy": "top-1 accuracy",
    "supernet_val_accuracy": "validation accuracy of the supernet",
    "flops": "multiply-adds (M)",
}
_VERDICTS = {
    "apart": "apart",
    "apart if normal": "apart if normal",
    "not apart": "cannot be told apart",
    "not tested": "not tested",
}


def further_tables(comparison: Comparison) -> tuple[MethodTable, ...]:
    """The table of pairs and that of published figures, where a comparison has them."""
    tables = []
    if comparison.statistics:
        tables.append(tabulate_pairs(comparison.statistics))
    if comparison.published:
        tables.append(tabulate_published(comparison.published, comparison.scales))
    return tuple(tables)


def tabulate_pairs(statistics: Statistics) -> MethodTable:
    """One row for each pair; the notes hold a sentence for every pair that cannot be told apart."""
    pairs = statistics.pairs
    columns = [
        ("pair", [f"{pair.first} - {pair.second}" for pair in pairs]),
        (f"{statistics.unit}s", [str(pair.blocks) for pair in pairs]),
        ("difference (points)", [_points(pair.difference) for pair in pairs]),
        (f"95% interval by {statistics.unit}s and images", [_interval(pair) for pair in pairs]),
        ("exact p", [_p(pair.exact_p) for pair in pairs]),
        ("corrected", [_p(pair.corrected_exact_p) for pair in pairs]),
        ("signed-rank p", [_p(pair.wilcoxon_p) for pair in pairs]),
        ("t test p", [_p(pair.t_p) for pair in pairs]),
        ("t test corrected", [_p(pair.corrected_t_p) for pair in pairs]),
        ("verdict", [_VERDICTS[pair.verdict] for pair in pairs]),
        (f"{statistics.unit}s that it takes", [_needed(pair) for pair in pairs]),
    ]
    shown = [(heading, cells) for heading, cells in columns if any(cell != DASH for cell in cells)]
    sentences = [pair.sentence for pair in pairs if pair.verdict in ("not apart", "not tested")]
    return MethodTable(
        caption=f"Pairs of methods: {statistics.measure}, the first minus the second.",
        headings=tuple(heading for heading, _ in shown),
        rows=tuple(zip(*(cells for _, cells in shown), strict=True)),
        best=(frozenset(),) * len(pairs),
        notes=(*statistics.notes, *sentences),
    )


def _points(value: float | None) -> str:
    return DASH if value is None else signed_points(value)


def _interval(pair: PairStatistics) -> str:
    return DASH if pair.interval is None else " to ".join(map(signed_points, pair.interval))


def _p(value: float | None) -> str:
    return DASH if value is None else p_text(value)


def _needed(pair: PairStatistics) -> str:
    return DASH if pair.seeds_needed is None else f"{pair.seeds_needed:,}"


def tabulate_published(figures: Sequence[PublishedFigure], scales: Sequence[RunScale] | None = None) -> MethodTable:
    """Published figures, one row each, with schedule, cost, hardware and source.

    Args:
        figures: the figures, one or more.
        scales: sizes of the runs that they are set beside; None for figures alone.
    """
    columns = [
        ("published", [f"{each.method} ({each.variant})" if each.variant else each.method for each in figures]),
        ("data set", [each.dataset for each in figures]),
        ("space", [each.space for each in figures]),
        ("accuracy (%)", [DASH if each.accuracy is None else f"{100 * each.accuracy:.2f}" for each in figures]),
        ("as printed", [f"{_METRICS[each.metric]} {each.printed}" for each in figures]),
        ("schedule", [each.schedule for each in figures]),
        ("parameters (M)", [_number(each.parameters) for each in figures]),
        ("GPU days", [_number(each.gpu_days) for each in figures]),
        ("hardware", [each.hardware or DASH for each in figures]),
        ("source", [each.table for each in figures]),
    ]
    shown = [(heading, cells) for heading, cells in columns if any(cell != DASH for cell in cells)]
    return MethodTable(
        caption="Published figures, none of them measured here: as their sources print them.",
        headings=tuple(heading for heading, _ in shown),
        rows=tuple(zip(*(cells for _, cells in shown), strict=True)),
        best=(frozenset(),) * len(figures),
        notes=tuple(_notes(figures, scales)),
    )


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:g}"


def _notes(figures: Sequence[PublishedFigure], scales: Sequence[RunScale] | None) -> list[str]:
    notes = [] if scales is None else [scale_sentence(scales, figures)]
    if any(each.gpu_days for each in figures):
        notes.append(
            "GPU days are the sources' own counts, of one search or of several and on other cards; they cannot be "
            "compared across sources."
        )
    if on_test := dict.fromkeys(each.table for each in figures if each.chosen_on_test):
        notes.append(
            f"The figures of {listing(on_test)} are of the best epoch on the test images, an upper end; the others are "
            "not marked so by their sources."
        )
    if second := dict.fromkeys(each.table for each in figures if each.second_hand):
        notes.append(f"The figures of {listing(second)} are second-hand.")
    if corrected := [each for each in figures if "CORRECTED" in each.note]:
        notes += [f"{each.table}, {each.method}: {each.note}." for each in corrected]
    return [*notes, *dict.fromkeys(f"{each.table}: {each.source}." for each in figures)]
