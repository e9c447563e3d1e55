"""Prints the result of a command on standard output, for people or as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from dartboard.display.rows import Sentence, lay_out, print_rows
from dartboard.wording import DASH, Verbatim, count, duration, plain_value

if TYPE_CHECKING:
    from pathlib import Path

    from dartboard.data import DatasetDescription
    from dartboard.records import Comparison, Result
    from dartboard.training import ExportedModel, ImagePredictions
    from dartboard.workflow import Plan

__all__ = [
    "print_comparison",
    "print_description",
    "print_entries",
    "print_exported",
    "print_plan",
    "print_predictions",
    "print_result",
]


_UNBOUNDED = 10_000
"""Width in characters of output that does not go to a terminal."""

_NAMED = 5
"""Number of broken files that are listed by name; all of them are counted."""


def print_result(result: "Result", *, as_json: bool) -> None:
    """Print the summary of a run, with the rows that the report's sections provide for the terminal."""
    from dartboard.reports import result_rows

    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    _print_rows(result_rows(result))


def print_plan(plan: "Plan", *, as_json: bool) -> None:
    """Print what a run would do, why, and when it would end."""
    if as_json:
        typer.echo(json.dumps(plan.to_json()))
        return
    _print_rows(plan.summary)
    if plan.automatic_choices:
        typer.echo()
        _print_rows({each.setting: f"{plain_value(each.value)}  ({each.reason})" for each in plan.automatic_choices})
    if plan.end is not None:
        typer.echo()
        _print_rows({phase: duration(seconds) for phase, seconds in plan.seconds.items()})
        budget = {} if plan.budget is None else {"budget": duration(plan.budget)}
        _print_rows({**budget, "expected end": plan.end})


def print_description(description: "DatasetDescription", *, as_json: bool) -> None:
    """Print the description of a dataset."""
    if as_json:
        typer.echo(json.dumps(description.to_json()))
        return
    channels, height, width = description.shape
    smallest, largest = ("x".join(map(str, size)) for size in (description.smallest, description.largest))
    broken = [f"{name} ({reason})" for reasons in description.broken.values() for name, reason in reasons.items()]
    _print_rows(
        {
            "name": description.name,
            "classes": str(len(description.classes)),
            "images": ", ".join(
                f"{count:,} {split}" + ("" if split in description.counts else " without labels")
                for split, count in description.images.items()
            ),
            "sizes": smallest if description.sizes == 1 else f"{description.sizes}, from {smallest} to {largest}",
            "read as": f"{width}x{height} pixels, {count(channels, 'channel')}",
            "imbalance": "none"
            if description.imbalance == 1
            else f"{description.imbalance:.3g} training images of the largest class for each of the smallest",
            "broken": _some(broken),
            "duplicates": "none",
            **_findings(description),
            "notes": " ".join(description.notes) or "none",
        }
    )
    table = Table(*_folded("class", *description.counts), box=None, header_style="dim")
    for number, name in enumerate(description.classes):
        table.add_row(Text(name), *(f"{counts[number]:,}" for counts in description.counts.values()))
    Console().print(table, highlight=False)


def _findings(description: "DatasetDescription") -> dict[str, str]:
    """What the check of the data found: the kind -> sentences."""
    found: dict[str, list[str]] = {}
    for finding in description.findings:
        found.setdefault(finding.kind, []).append(finding.sentence)
    return {kind: " ".join(sentences) for kind, sentences in found.items()}


def _some(entries: Sequence[str]) -> str:
    more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
    return f"{len(entries)}: {', '.join(entries[:_NAMED])}{more}" if entries else "none"


def print_predictions(predictions: "ImagePredictions", out: "Path", *, as_json: bool) -> None:
    """Print how many images were predicted, how fast, and the path of the predictions."""
    facts = {
        "images": len(predictions.names),
        "seconds": round(predictions.seconds, 3),
        "images_per_second": round(predictions.images_per_second, 1),
        "predictions": str(out),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    _print_rows(
        {
            "images": f"{facts['images']:,}",
            "throughput": f"{predictions.images_per_second:,.0f} images per second",
            "predictions": str(out),
        }
    )


def print_comparison(comparison: "Comparison", *, as_json: bool) -> None:
    """Print the table of a comparison, and the paths of its report and directory."""
    from dartboard.reports import tabulate

    if as_json:
        typer.echo(json.dumps(comparison.to_json()))
        return
    table, console = tabulate(comparison), Console()
    _print_sentence(console, table.caption)
    width = console.width if console.is_terminal else _UNBOUNDED
    lines = list(lay_out(table.headings, table.rows, table.best))
    if max(map(len, lines)) > width:
        lines = list(lay_out(table.headings, table.rows, table.best, narrow=True))
    if max(map(len, lines)) <= width:
        for line in lines:
            console.print(line, highlight=False, soft_wrap=True)
    else:
        for name, *figures in table.rows:
            console.print(Text(name, style="bold"))
            told = zip(table.headings[1:], figures, strict=True)
            print_rows(console, {heading: figure for heading, figure in told if figure != DASH})
    for note in table.notes:
        _print_sentence(console, note)
    places = {"report": comparison.path / "comparison.html", "directory": comparison.path}
    _print_rows({heading: Verbatim(place) for heading, place in places.items()})


def _print_sentence(console: Console, sentence: str) -> None:
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
    _print_rows(
        {
            "takes": f"uint8 images, {shape} (height x width x channels), any number at once",
            "gives": f"probabilities of {count(len(model.classes), 'class', 'classes')}; the file holds their names",
            "checked": f"{model.images} random images: no probability differs from the network's by more than "
            f"{model.difference:.1e}",
            "speed": f"{1000 * model.seconds:.2g} ms per image, one image at a time on this CPU",
            "model": f"{model.path} ({size / 1024:,.0f} KiB)",
        }
    )


def print_entries(kind: str, entries: Sequence[Mapping[str, Any]], *, verbose: bool, as_json: bool) -> None:
    """Print registered things, such as methods or spaces.

    Args:
        kind: heading of the column of names.
        entries: name, summary and paper of each, and further facts that only `verbose` and JSON show.
        verbose: print everything that the entries hold.
        as_json: print the entries as a JSON array.
    """
    if as_json:
        typer.echo(json.dumps(entries))
    elif verbose:
        for entry in entries:
            _print_rows({kind if key == "name" else key: _plain(value) for key, value in entry.items()})
            typer.echo()
    else:
        table = Table(Column(kind, no_wrap=True), *_folded("what it is", "paper"), box=None, header_style="dim")
        for entry in entries:
            table.add_row(Text(entry["name"], style="bold"), Text(entry["summary"]), Text(entry["paper"]))
        Console().print(table, highlight=False)


def _folded(*headings: str) -> list[Column]:
    """Columns that break a word that is wider than they are; rich would cut it short."""
    return [Column(heading, overflow="fold") for heading in headings]


def _print_rows(rows: Mapping[str, str]) -> None:
    print_rows(Console(), rows)


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
