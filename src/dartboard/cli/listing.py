"""The verbs that list things: the contents of a dataset, and everything that is registered under a name."""

from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import at_work
from dartboard.cli.registered import completing, is_ours_alone, listed, manual
from dartboard.cli.single_options import ImageColumn, Json, LabelColumn, Overwrite, Quiet, columns
from dartboard.config import settings_named
from dartboard.shelves import REGISTRIES, Shelf

__all__ = ["verbs"]

verbs = typer.Typer()

Verbose = Annotated[bool, typer.Option("--verbose", "-v", metavar="", help="Print everything known about each entry.")]

_PANEL = "Lists"
_MORE = {
    "spaces": """
[bold]How the fast engine runs an operation[/]

  shared   computed once for all edges that leave a node
  folded   computed at once with others of its form; norm and gate need no map of their own
  plain    computed unchanged, edge by edge
  nothing  not computed at all
"""
}
"""Kind of registered thing -> an explanation of terms in its list."""


@verbs.command()
def data(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", show_default=False, help="A dataset, in any layout of dartboard run."),
    ] = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw images of each class into this .png file."),
    ] = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    overwrite: Overwrite = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Describe a dataset: images per class, sizes, broken files, duplicates between training and test, imbalance.

    [bold]Example[/]

      dartboard data flowers/ --contact-sheet flowers.png
    """
    from dartboard.cli.output import print_description

    with at_work(quiet) as (api, display):
        description = api.describe(
            data,
            columns(image_column, label_column),
            contact_sheet=contact_sheet,
            overwrite=overwrite,
            observer=display,
        )
    print_description(description, as_json=as_json)


@verbs.command(rich_help_panel=_PANEL)
def settings(
    prefix: Annotated[
        str, typer.Argument(metavar="PREFIX", show_default=False, help="Only names that begin so, as in train.augment.")
    ] = "",
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, autocompletion=completing("presets"), help="Also what a preset sets."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the settings of a run: type, default and meaning of each.

    On the command line: --set NAME=VALUE, or a file with --config

    [bold]Examples[/]

      dartboard settings train.augment
      dartboard settings --preset darts-cifar
    """
    from dartboard.cli.output import print_settings

    known = manual()
    if preset is None or (preset in known["presets"] and is_ours_alone(REGISTRIES["presets"])):
        sets = known["presets"][preset] if preset else {}
        found = [
            {**each, **({"preset": sets[each["name"]]} if each["name"] in sets else {})}
            for each in settings_named(known["settings"], prefix)
        ]
    else:
        from dartboard import api

        found = api.list_settings(prefix, preset=preset)
    print_settings(found, preset, as_json=as_json)


def _list_all_of(kind: str, shelf: Shelf) -> None:
    """Add the verb that lists the registered things of one kind."""

    def show(verbose: Verbose = False, as_json: Json = False) -> None:
        from dartboard.cli.output import print_entries

        entries = listed(kind, further=verbose or as_json)
        headings = [*shelf.groups.values(), shelf.heading("")] if shelf.groups else []
        print_entries(shelf.one, entries, headings, verbose=verbose, as_json=as_json)

    use = f"\n\nOn the command line: {shelf.use}" if shelf.use else ""
    options = f"\n\nWith --verbose also their options: {shelf.options}" if shelf.options else ""
    told = f"List the {shelf.what}.{use}{options}\n{_MORE.get(kind, '')}"
    verbs.command(kind, help=told, rich_help_panel=_PANEL)(show)


for _kind, _shelf in REGISTRIES.items():
    _list_all_of(_kind, _shelf)
