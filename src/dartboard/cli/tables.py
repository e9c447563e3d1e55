"""The verbs that look up what others have measured: query, published."""

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


@verbs.command()
def published(
    method: Annotated[str | None, typer.Option(metavar="NAME", help="Only figures of this method.")] = None,
    space: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only figures in this space: darts, nas-bench-201, ...")
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="NAME", help="Only figures on this data set, as cifar10.")] = None,
    as_json: Json = False,
) -> None:
    """List what papers print of methods: figures with source, schedule, and hardware where it is stated.

    Nothing of it was measured here. Figures of different schedules are different experiments.

    [bold]Examples[/]

      dartboard published --method pc-darts
      dartboard published --space nas-bench-201 --data cifar10
    """
    from dartboard import api
    from dartboard.cli.output import print_published

    print_published(api.published(method, space=space, data=data), as_json=as_json)
