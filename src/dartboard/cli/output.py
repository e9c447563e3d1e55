"""Prints the result of a command on standard output, for people or as JSON."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from dartboard.rows import Sentence, lay_out
from dartboard.rows import print_rows as print_rows_to
from dartboard.wording import DASH, Verbatim, count, duration, percent, plain_value

if TYPE_CHECKING:
    from pathlib import Path

    from dartboard.data import DatasetDescription
    from dartboard.records import Comparison, ParetoFront, PublishedFigure, Result
    from dartboard.reports import MethodTable
    from dartboard.training import ExportedModel, ImagePredictions
    from dartboard.workflow import Evaluation, Plan, ProxyScores, TableQuery

__all__ = [
    "print_comparison",
    "print_description",
    "print_entries",
    "print_evaluation",
    "print_exported",
    "print_front",
    "print_plan",
    "print_predictions",
    "print_published",
    "print_query",
    "print_result",
    "print_rows",
    "print_scores",
    "print_settings",
    "print_table",
]


_UNBOUNDED = 10_000
"""Width in characters of output that does not go to a terminal."""

_MOST_NOTES = 16
"""Sentences below a table of pairs: twelve methods have 66 pairs, and the files have a sentence for each."""

_FIRST = 20
"""Number of predictions that are printed where no file is named."""

_PAPER = 16
"""Width of the column of papers, in characters: that of an arXiv number; longer references are wrapped."""


def print_result(result: "Result", *, as_json: bool) -> None:
    """Print the summary of a run, with the rows that the report's sections provide for the terminal."""
    from dartboard.reports import result_rows

    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    print_rows(result_rows(result))


def print_plan(plan: "Plan", *, as_json: bool) -> None:
    """Print what a run would do, why, and when it would end."""
    if as_json:
        typer.echo(json.dumps(plan.to_json()))
        return
    print_rows(plan.summary)
    if plan.automatic_choices:
        typer.echo()
        chosen = {each.setting: f"{plain_value(each.value)}  ({each.reason})" for each in plan.automatic_choices}
        print_rows(
            {
                each.setting: chosen[each.setting] + (f". {each.against}" if each.others else "")
                for each in plan.automatic_choices
            }
        )
    if plan.end is not None:
        typer.echo()
        print_rows({phase: duration(seconds) for phase, seconds in plan.seconds.items()})
        budget = {} if plan.budget is None else {"budget": duration(plan.budget)}
        print_rows({**budget, "expected end": plan.end})


def print_description(description: "DatasetDescription", *, as_json: bool) -> None:
    """Print the description of a dataset."""
    if as_json:
        typer.echo(json.dumps(description.to_json()))
        return
    print_rows(description.rows())
    table = Table(*_folded("class", *description.counts), box=None, header_style="dim")
    for row in description.class_rows():
        table.add_row(*map(Text, row))
    Console().print(table, highlight=False)


def print_predictions(predictions: "ImagePredictions", out: "Path | None", *, as_json: bool) -> None:
    """Print how many images were predicted, how fast, and the path of the predictions, or without one the first."""
    facts: dict[str, object] = {
        "images": len(predictions.names),
        "left_out": len(predictions.left_out),
        "seconds": round(predictions.seconds, 3),
        "images_per_second": round(predictions.images_per_second, 1),
        "predictions": str(out) if out else list(predictions.rows()),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    rows = {
        "images": f"{len(predictions.names):,}"
        + (f", {len(predictions.left_out):,} of them left out" if predictions.left_out else ""),
        "throughput": f"{predictions.images_per_second:,.0f} images per second",
    }
    if out is None:
        table = Table(*_folded("image", "prediction", "probability"), box=None, header_style="dim")
        for row in islice(predictions.rows(), _FIRST):
            cells = row["image"], row["prediction"] or DASH, percent(row["probability"], digits=1)
            table.add_row(*map(Text, cells))
        print_table(table)
        more = len(predictions.names) - _FIRST
        rows |= {"more": f"{more:,}, which --out FILE.csv writes"} if more > 0 else {}
    print_rows(rows | ({"predictions": str(out)} if out else {}))


def print_evaluation(evaluation: "Evaluation", out: "Path | None", *, as_json: bool) -> None:
    """Print the accuracy of a network on labelled images, class by class, and its most frequent mistakes."""
    from dartboard.workflow import CLASS_HEADINGS

    if as_json:
        typer.echo(json.dumps(evaluation.to_json() | ({"predictions": str(out)} if out else {})))
        return
    print_rows({**evaluation.rows(), **evaluation.mistakes(), **({"predictions": str(out)} if out else {})})
    table = Table(*CLASS_HEADINGS, box=None, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    for each in evaluation.classes:
        table.add_row(*map(Text, each.cells()))
    print_table(table)


def print_comparison(comparison: "Comparison", *, as_json: bool) -> None:
    """Print the tables of a comparison, and the paths of its report and directory."""
    from dartboard.reports import further_tables, tabulate, tabulate_schedules

    if as_json:
        typer.echo(json.dumps(comparison.to_json()))
        return
    table, console = tabulate(comparison), Console()
    print_method_table(console, table)
    for note in table.notes:
        print_sentence(console, note)
    for each in tabulate_schedules(comparison):
        typer.echo()
        print_method_table(console, each)
    for each in further_tables(comparison):
        typer.echo()
        print_method_table(console, each)
        for note in each.notes[:_MOST_NOTES]:
            print_sentence(console, note)
        if left := each.notes[_MOST_NOTES:]:
            print_sentence(console, f"{count(len(left), 'further sentence')} of this kind: see comparison.md.")
    places = {"report": comparison.path / "comparison.html", "directory": comparison.path}
    print_rows({heading: Verbatim(place) for heading, place in places.items()})


def print_front(front: "ParetoFront", *, as_json: bool) -> None:
    """Print the architectures of a Pareto front, the cheapest first."""
    from dartboard.reports import told_cost

    if as_json:
        typer.echo(json.dumps(front.to_json()))
        return
    for each in front.points:
        text = f"{told_cost(front.cost, each.cost)}, {front.accuracy} {percent(each.accuracy)}"
        print_rows({each.name: f"{text}{', on the front' if each.front else ''}"})
    print_rows(front.failed)
    print_rows({"report": Verbatim(front.path / "pareto.html")})


def print_method_table(console: Console, table: "MethodTable") -> None:
    """Print a table below its caption; where it is too wide, the figures of each method below each other."""
    print_sentence(console, table.caption)
    width = console.width if console.is_terminal else _UNBOUNDED
    lines = list(lay_out(table.headings, table.rows, table.best))
    if max(map(len, lines)) > width:
        lines = list(lay_out(table.headings, table.rows, table.best, narrow=True))
    if max(map(len, lines)) <= width:
        for line in lines:
            console.print(line, highlight=False, soft_wrap=True)
        return
    for name, *figures in table.rows:
        console.print(Text(name, style="bold"))
        told = zip(table.headings[1:], figures, strict=True)
        print_rows({heading: figure for heading, figure in told if figure != DASH})


def print_query(found: "TableQuery", *, as_json: bool) -> None:
    """Print what the tables of NAS-Bench-201 say of an architecture, one row a schedule and data set."""
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    print_rows(found.rows())
    typer.echo()
    rows, console = list(found.tables.cells()), Console()
    for line in lay_out(found.tables.headings(), rows, [frozenset[int]()] * len(rows)):
        console.print(line, highlight=False, soft_wrap=True)
    typer.echo()
    for note in found.notes:
        print_sentence(console, note)


def print_published(figures: "Sequence[PublishedFigure]", *, as_json: bool) -> None:
    """Print published figures, and what must be known to read them."""
    from dartboard.reports import tabulate_published

    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in figures]))
        return
    if not figures:
        typer.echo("No published figure is of all of that.")
        return
    table, console = tabulate_published(figures), Console()
    print_method_table(console, table)
    for note in table.notes:
        print_sentence(console, note)


def print_scores(scores: "ProxyScores", *, as_json: bool) -> None:
    """Print what proxies say of architectures, the best mean rank first, and what must be known to read it."""
    if as_json:
        typer.echo(json.dumps(scores.to_json()))
        return
    console, rows = Console(), scores.cells()
    width = console.width if console.is_terminal else _UNBOUNDED
    lines = list(lay_out(scores.headings(), rows, [frozenset[int]()] * len(rows), narrow=True))
    if max(map(len, lines)) <= width:
        for line in lines:
            console.print(line, highlight=False, soft_wrap=True)
    else:
        for name, *figures in rows:
            console.print(Text(name, style="bold"), soft_wrap=True)
            print_rows(dict(zip(scores.headings()[1:], figures, strict=True)))
    typer.echo()
    if texts := scores.texts():
        print_rows(texts)
    print_rows({"images": scores.images, **{f"networks of {name}": size for name, size in scores.networks.items()}})
    for note in scores.notes:
        print_sentence(console, note)


def print_sentence(console: Console, sentence: str) -> None:
    console.print(Sentence(sentence) if console.is_terminal else Text(sentence), highlight=False, soft_wrap=True)


def print_exported(model: "ExportedModel", *, as_json: bool) -> None:
    """Print what the exported file takes and gives, how it was checked, and how fast it is."""
    size, shape = model.path.stat().st_size, " x ".join(map(str, model.image_shape))
    if as_json:
        facts = {
            "model": str(model.path),
            "bytes": size,
            "classes": model.classes,
            "image_shape": model.image_shape,
            "images_compared": model.images,
            "largest_difference": model.difference,
            "seconds_per_image": model.seconds,
        }
        typer.echo(json.dumps(facts))
        return
    print_rows(
        {
            "takes": f"uint8 images, {shape} (height x width x channels), any number at once",
            "gives": f"probabilities of {count(len(model.classes), 'class', 'classes')}; the file holds their names",
            "checked": f"{model.images} random images: no probability differs from the network's by more than "
            f"{model.difference:.1e}",
            "speed": f"{1000 * model.seconds:.2g} ms per image, one image at a time on this CPU",
            "model": f"{model.path} ({size / 1024:,.0f} KiB)",
        }
    )


def print_entries(
    kind: str,
    entries: Sequence[Mapping[str, Any]],
    headings: Sequence[str] = (),
    *,
    verbose: bool,
    as_json: bool,
) -> None:
    """Print registered things, such as methods or spaces.

    Args:
        kind: heading of the column of names.
        entries: name, summary and paper of each, and further facts that only `verbose` and JSON show.
        headings: the groups of entries, in order; empty where there are none.
        verbose: print everything that the entries hold.
        as_json: print the entries as a JSON array.
    """
    if as_json:
        typer.echo(json.dumps(entries))
    elif verbose:
        for entry in entries:
            print_rows({kind if key == "name" else key: _plain(value) for key, value in entry.items()})
            typer.echo()
    else:
        _print_groups(kind, entries, headings or [""])


def print_settings(entries: Sequence[Mapping[str, Any]], preset: str | None, *, as_json: bool) -> None:
    """Print settings, and what a preset sets."""
    if as_json:
        typer.echo(json.dumps(list(entries)))
        return
    console = Console()
    width = max(20, console.width - 4) if console.is_terminal else _UNBOUNDED
    for each in entries:
        told = f"{preset} sets {json.dumps(each['preset'])}; default " if "preset" in each else ""
        heading = Text.assemble(
            (each["name"], "bold"), f"  {told}{json.dumps(each['default'])}  ", (each["type"], "dim")
        )
        console.print(heading, highlight=False, soft_wrap=True)
        for line in textwrap.wrap(each["meaning"], width):
            console.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)


def _print_groups(kind: str, entries: Sequence[Mapping[str, Any]], headings: Sequence[str]) -> None:
    """One table for each heading, all with columns of the same widths."""
    console = Console()
    names, papers = (max((len(entry[key]) for entry in entries), default=0) for key in ("name", "paper"))
    for number, heading in enumerate(headings):
        group = [entry for entry in entries if entry.get("group", "") == heading]
        if not group:
            continue
        if heading:
            console.print(Text(f"\n{heading}" if number else heading, style="bold underline"), highlight=False)
        table = Table(box=None, header_style="dim", show_header=not heading)
        table.add_column(kind, min_width=names, style="bold", no_wrap=True)
        table.add_column("what it is", ratio=1, overflow="fold")
        table.add_column("paper", min_width=min(papers, _PAPER), overflow="fold")
        for entry in group:
            table.add_row(*map(Text, (entry["name"], entry["summary"], entry["paper"])))
        console.print(table, highlight=False)


def print_table(table: Table) -> None:
    """Print a table, in full width where the output does not go to a terminal."""
    console = Console()
    if not console.is_terminal:
        console.width = _UNBOUNDED
    console.print(table, highlight=False)


def _folded(*headings: str) -> list[Column]:
    """Columns that break a word that is wider than they are; rich would cut it short."""
    return [Column(heading, overflow="fold") for heading in headings]


def print_rows(rows: Mapping[str, str]) -> None:
    """Print one line for each row, as `dartboard.rows.print_rows` does, on standard output."""
    print_rows_to(Console(), rows)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        if value and all(isinstance(entry, Mapping) and entry for entry in value.values()):
            return ", ".join(f"{key} ({_cases(entry)})" for key, entry in value.items())
        return ", ".join(f"{key}={_plain(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value)) or "none"
    return plain_value(value)


def _cases(by_case: Mapping[str, object]) -> str:
    """The value of the first case, followed by the other cases that have a different value."""
    first, *others = ((case, _plain(value)) for case, value in by_case.items())
    return "; ".join([first[1], *(f"{case}: {text}" for case, text in others if text != first[1])])
