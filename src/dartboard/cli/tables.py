"""The verb that looks an architecture up in the tables of NAS-Bench-201: query."""

from typing import Annotated

import typer

from dartboard.cli.single_options import Json

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command()
def query(
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCH",
            show_default=False,
            help="Its number in the benchmark, its text (|op~0|+...), a file like genotype.json, a published name, or "
            "a run directory.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Look an architecture up in the tables of NAS-Bench-201, by every schedule of training whose table is there.

    The environment variable DARTBOARD_DATA names the folder of the tables.

    [bold]Examples[/]

      dartboard query 9930
      dartboard query nas-bench-201-resnet
      dartboard query runs/cells --json
    """
    from dartboard import api
    from dartboard.cli.output import print_query

    print_query(api.query(architecture), as_json=as_json)
