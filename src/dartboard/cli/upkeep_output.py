"""Prints what the verbs of upkeep have found, for people or as JSON."""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from dartboard.cli.output import print_rows, print_table
from dartboard.wording import count, duration, listing, percent

if TYPE_CHECKING:
    from pathlib import Path

    from dartboard.data import CacheEntry
    from dartboard.workflow import Examination

__all__ = ["print_cache", "print_examination", "print_removed", "print_runs"]


def print_runs(runs: Sequence[dict[str, Any]], folder: "Path", *, as_json: bool) -> None:
    """Print a row for each run."""
    if as_json:
        typer.echo(json.dumps(runs))
        return
    if not runs:
        typer.echo(f"There are no runs in {folder.resolve()}.")
        return
    table = Table("run", "state", "data set", "method", "accuracy", "verdict", "last change", box=None)
    table.header_style = "dim"
    for each in runs:
        told = (each["folder"], each["state"], each["dataset"], each["method"] or "given architecture")
        when = each["changed"][:16].replace("T", " ")
        table.add_row(*map(Text, (*told, percent(each["accuracy"]), each["verdict"], when)))
    print_table(table)


def print_cache(entries: "Sequence[CacheEntry]") -> None:
    """Print what lies in the cache, and how much room it takes."""
    if not entries:
        typer.echo("The cache holds nothing that could be removed.")
        return
    table = Table("entry", "images", "pixels", "size", "last use", box=None, header_style="dim")
    for entry in entries:
        ago = f"{duration(max(0.0, time.time() - entry.used))} ago"
        pixels = "x".join(map(str, entry.size[1::-1])) if entry.size else "not finished"
        table.add_row(entry.path.name[:12], f"{entry.images:,}", pixels, _size(entry.bytes), ago)
    print_table(table)
    total = _size(sum(entry.bytes for entry in entries))
    typer.echo(f"{count(len(entries), 'entry', 'entries')}, {total}, in {entries[0].path.parent}")


def print_removed(entries: "Sequence[CacheEntry]", removed: "Sequence[CacheEntry]", *, as_json: bool) -> None:
    """Print what was removed."""
    if as_json:
        told = [
            {"entry": str(each.path), "images": each.images, "bytes": each.bytes, "used": round(each.used, 3)}
            for each in entries
        ]
        gone = [str(each.path) for each in removed]
        typer.echo(json.dumps({"bytes": sum(each.bytes for each in entries), "entries": told, "removed": gone}))
    elif removed:
        freed = _size(sum(each.bytes for each in removed))
        typer.echo(f"{count(len(removed), 'entry', 'entries')} removed, {freed} freed.")
    elif entries:
        typer.echo("Nothing was removed; --yes removes without asking.")


def print_examination(found: "Examination", *, as_json: bool) -> None:
    """Print what the machine and the installation have, what is missing, and whether a run can work."""
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json")))
        return
    free = "" if found.free_bytes is None else f", {_size(found.free_bytes)} free on that disk"
    rows = {
        **found.versions,
        "installed in": found.place,
        "device": found.device,
        "threads": f"{found.threads} on {count(found.cores, 'core')}, of which {found.busy_cores:.1f} are busy now",
        "data folder": found.data_folder or "none (DARTBOARD_DATA is not set; only tables of NAS-Bench-201 need it)",
        "cache": f"{found.cache}: {count(found.cache_entries, 'dataset')}, {_size(found.cache_bytes)}{free}",
        "environment": ", ".join(f"{name}={value}" for name, value in found.environment.items()) or "nothing is set",
    }
    for name, extra in found.extras.items():
        missing = f"not installed ({listing(extra.missing)}); {extra.remedy} gives {extra.gives}"
        rows[f"extra {name}"] = f"installed; it gives {extra.gives}" if extra.installed else missing
    rows |= {f"extension {name}": module for name, module in found.extensions.items()}
    rows |= {f"warning {number}": text for number, text in enumerate(found.warnings, 1)}
    rows |= {f"fault {number}": text for number, text in enumerate(found.faults, 1)}
    rows["verdict"] = "a run cannot work here" if found.faults else "a run can work here"
    print_rows(rows)


def _size(number: int) -> str:
    """A number of bytes in words."""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
