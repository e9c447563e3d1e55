"""What the verb `study` prints: the tables of a study, and what one would cost."""

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from dartboard.cli.output import print_method_table, print_rows, print_sentence
from dartboard.rows import lay_out
from dartboard.wording import Verbatim, count, duration

if TYPE_CHECKING:
    from dartboard.records import StudyRecord
    from dartboard.workflow.studies import StudyPlan

__all__ = ["print_study", "print_study_plan"]


def print_study(record: "StudyRecord", *, as_json: bool) -> None:
    """Print the tables of a study, and the paths of its report and directory."""
    from dartboard.reports import study_tables

    if as_json:
        typer.echo(json.dumps(record.to_json()))
        return
    console = Console()
    for note in record.notes:
        print_sentence(console, note)
    for title, tables in study_tables(record):
        typer.echo()
        print_sentence(console, title)
        for table in tables:
            print_method_table(console, table)
            for note in table.notes:
                print_sentence(console, note)
    typer.echo()
    print_rows(
        {
            "trials": f"{record.done} of {record.trials} done"
            + (f", {len(record.failed)} failed" if record.failed else ""),
            "report": Verbatim(record.path / "report.html"),
            "directory": Verbatim(record.path),
        }
    )


def print_study_plan(plan: "StudyPlan", *, as_json: bool) -> None:
    """Print what a study would do, and what that costs on this machine."""
    if as_json:
        typer.echo(json.dumps(plan.to_json()))
        return
    console = Console()
    print_rows({"study": plan.name, **({"after": plan.source} if plan.source else {})})
    print_rows({title: count(rows, "row") for title, rows in plan.tables.items()})
    for note in plan.notes:
        print_sentence(console, note)
    typer.echo()
    headings = ("trials", "number", "each", "together", "disk")
    rows = [
        (
            kind.what,
            str(kind.trials),
            ("" if kind.measured else "about ") + duration(kind.seconds),
            duration(kind.trials * kind.seconds),
            _bytes(kind.trials * kind.size),
        )
        for kind in plan.kinds
    ]
    for line in lay_out(headings, rows, [frozenset[int]()] * len(rows)):
        console.print(line, highlight=False, soft_wrap=True)
    typer.echo()
    done = f", {plan.done} of {plan.trials} are done already" if plan.done else ""
    print_rows(
        {
            "to do": count(plan.trials - plan.done, "trial") + done,
            "time": f"{duration(plan.seconds)} by the speed of a few steps, one trial after the other on {plan.device}",
            "disk": _bytes(plan.size),
        }
    )


def _bytes(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.0f} MiB"
