"""The verbs that say what there is: what a dataset holds, and all that can be asked for by name."""

from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import at_work
from dartboard.cli.options import ImageColumn, Json, LabelColumn, Overwrite, columns
from dartboard.registry import REGISTRIES, Shelf

__all__ = ["verbs"]

verbs = typer.Typer()

Verbose = Annotated[bool, typer.Option("--verbose", "-v", metavar="", help="Print all that is known of each.")]

_PANEL = "Lists"
_MORE = {
    "spaces": """
[bold]How the fast engine runs an operation[/]

  shared   once for all edges that leave a node
  folded   its last convolution, norm and gate in one matrix product
  plain    as it is, edge by edge
  nothing  not at all
"""
}
"""Kind -> what the list of its things needs to be understood."""


@verbs.command()
def data(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", show_default=False, help="A dataset as for dartboard run."),
    ] = None,
    contact_sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Draw images of each class into this .png file."),
    ] = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say what a dataset holds: counts by class, sizes, broken files, duplicates between training and test, imbalance.

    [bold]Example[/]

      dartboard data flowers/ --contact-sheet flowers.png
    """
    from dartboard.cli.output import print_description

    with at_work() as (api, display):
        description = api.describe(
            data,
            columns(image_column, label_column),
            contact_sheet=contact_sheet,
            overwrite=overwrite,
            observer=display,
        )
    print_description(description, as_json=as_json)


def _list_all_of(kind: str, shelf: Shelf) -> None:
    """Add the verb that lists what is registered of one kind."""

    def show(verbose: Verbose = False, as_json: Json = False) -> None:
        from dartboard import api
        from dartboard.cli.output import print_entries

        entries = getattr(api, f"list_{kind.replace('-', '_')}")()
        print_entries(shelf.open().kind, entries, verbose=verbose, as_json=as_json)

    use = f"\n\nOn the command line: {shelf.use}" if shelf.use else ""
    options = f"\n\nWith --verbose also their options: {shelf.options}" if shelf.options else ""
    told = f"List the {shelf.what}.{use}{options}\n{_MORE.get(kind, '')}"
    verbs.command(kind, help=told, rich_help_panel=_PANEL)(show)


for _kind, _shelf in REGISTRIES.items():
    _list_all_of(_kind, _shelf)
