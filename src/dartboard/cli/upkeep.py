"""The verbs that look after what runs leave behind, and after the installation: runs, clean, doctor."""

from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.single_options import Json
from dartboard.processors import share_processors

__all__ = ["verbs"]

verbs = typer.Typer()

_PANEL = "Upkeep"


@verbs.command(rich_help_panel=_PANEL)
def runs(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", show_default=False, help="The folder to look through. Without: this one."),
    ] = Path(),
    sort: Annotated[
        str,
        typer.Option(metavar="KEY", help="changed (newest first), accuracy, dataset, method, state or folder."),
    ] = "changed",
    reverse: Annotated[bool, typer.Option("--reverse", metavar="", help="Turn the order around.")] = False,
    as_json: Json = False,
) -> None:
    """List the runs and comparisons in a folder: what each was, what came of it, whether it has ended.

    [bold]Examples[/]

      dartboard runs
      dartboard runs experiments/ --sort accuracy
    """
    from dartboard import api
    from dartboard.cli.upkeep_output import print_runs

    print_runs(api.list_runs(folder, sort=sort, reverse=reverse), folder, as_json=as_json)


@verbs.command(rich_help_panel=_PANEL)
def clean(
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", show_default=False, help="Only what was not used for that long, as in 12h or 30d."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Remove without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Show what the cache of decoded images holds, and remove it after a question; nothing else is touched.

    A run decodes its images again where the cache does not have them. With --json and without --yes nothing is removed.

    [bold]Examples[/]

      dartboard clean
      dartboard clean --older-than 30d --yes
    """
    from dartboard import api
    from dartboard.cli.upkeep_output import print_cache, print_removed

    limit = 0.0 if older_than is None else older_than
    entries = api.cached(older_than=limit)
    if not as_json:
        print_cache(entries)
    wanted = bool(entries) and (yes or (not as_json and _agreed(len(entries))))
    removed = api.clean_cache(older_than=limit) if wanted else []
    print_removed(entries, removed, as_json=as_json)


@verbs.command(rich_help_panel=_PANEL)
def doctor(as_json: Json = False) -> None:
    """Tell what this machine and this installation have for a run, what is missing, and what that would give.

    The exit code is 0 if a run can work, and 1 otherwise.
    """
    share_processors()
    from dartboard import api
    from dartboard.cli.upkeep_output import print_examination

    examination = api.examine()
    print_examination(examination, as_json=as_json)
    raise typer.Exit(1 if examination.faults else 0)


def _agreed(entries: int) -> bool:
    """Whether the user agrees; nobody there to answer is a no."""
    try:
        return typer.confirm("Remove it?" if entries == 1 else f"Remove all {entries}?", err=True)
    except typer.Abort:
        typer.echo(err=True)
        return False
