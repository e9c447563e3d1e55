"""The verbs that work on an existing run: select, analyse, report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import make
from dartboard.cli.registered import showing
from dartboard.cli.single_options import Json, MaxLatency, MaxMacs, MaxParams, Quiet, given_limits
from dartboard.config import parse_overrides

__all__ = ["verbs"]

verbs = typer.Typer()

Search = Annotated[Path, typer.Argument(metavar="FOLDER", help="The run directory of a search.", show_default=False)]


@verbs.command(cls=showing("selections"))
def select(
    run_directory: Search,
    name: Annotated[
        str, typer.Option("--with", metavar="NAME", help="The selection, from the list below.")
    ] = "perturbation",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the selection; may be repeated."),
    ] = None,
    max_params: MaxParams = None,
    max_macs: MaxMacs = None,
    max_latency: MaxLatency = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Run directory of the selection. Without this option: a new one beside that of the search.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", metavar="", help="Continue a selection that was interrupted.")
    ] = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Select another architecture from the supernet of a finished search, without searching again.

    [bold]Examples[/]

      dartboard select runs/flowers --with perturbation --set epochs=20
      dartboard select runs/flowers --with sample --out runs/flowers-sampled
    """
    make(
        "select",
        run_directory,
        name,
        parse_overrides(overrides or []),
        limits=given_limits(max_params, max_macs, max_latency),
        out=out,
        resume=resume,
        as_json=as_json,
        quiet=quiet,
    )


@verbs.command(cls=showing("analyses"))
def analyse(
    run_directory: Search,
    name: Annotated[
        str, typer.Option("--what", metavar="NAME", help="The analysis, from the list below.", show_default=False)
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the analysis; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Run directory of the analysis. Without this option: a new one beside that of the search.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", metavar="", help="Continue an analysis that was interrupted.")
    ] = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Analyse the supernet of a finished search; the run directory of the search is not changed.

    [bold]Examples[/]

      dartboard analyse runs/flowers --what discretisation --set edges=normal:0-2,normal:1-2
      dartboard analyse runs/flowers --what shuffling --set permutations=20
    """
    make(
        "analyse",
        run_directory,
        name,
        parse_overrides(overrides or []),
        out=out,
        resume=resume,
        as_json=as_json,
        quiet=quiet,
    )


@verbs.command()
def report(
    run_directory: Annotated[Path, typer.Argument(metavar="FOLDER", help="The run directory.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write the report of a run again from the files in its directory, whether the run has ended or not.

    [bold]Example[/]

      dartboard report runs/flowers
    """
    from dartboard import api

    page = api.report(run_directory)
    typer.echo(json.dumps({"report": str(page)}) if as_json else str(page))
