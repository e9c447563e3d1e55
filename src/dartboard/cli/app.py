"""The command line: arguments -> settings -> one call of the Python API -> exit code.

Importing torch takes a second. Commands therefore import the API only when they run, and `--help` stays quick.
"""

import sys
from typing import Annotated

import typer

from dartboard.cli import finished, listing, runs, scores, studies, tables, trained, upkeep
from dartboard.cli.ending import to_its_end
from dartboard.errors import SettingsError
from dartboard.version import __version__

__all__ = ["main"]

app = typer.Typer(
    name="dartboard",
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
    help="""Differentiable neural architecture search on images.

From a dataset to a searched, retrained, tested and reported network:

  [bold]dartboard run PICTURES[/]                       search, train, test and report
  [bold]dartboard run[/]                                the same on scikit-learn's digits
  [bold]dartboard search PICTURES[/]                    only search an architecture
  [bold]dartboard train PICTURES --genotype darts-v2[/] only train a given one

  [bold]dartboard compare PICTURES --methods darts,random[/] compare several methods
  [bold]dartboard study NAME[/]                       tables over spaces, data sets and settings; those of papers
  [bold]dartboard data PICTURES[/]                      what a dataset holds
  [bold]dartboard predict RUN IMAGES --out preds.csv[/] classify other images with the network of a run
  [bold]dartboard evaluate RUN PICTURES[/]              its accuracy on other labelled images
  [bold]dartboard export RUN --out model.onnx[/]        write that network as a file for other programs

  [bold]dartboard score ARCH...[/]                      guess what architectures are worth, without training
  [bold]dartboard query ARCH[/]                         an architecture in the tables of NAS-Bench-201
  [bold]dartboard published[/]                          what papers print of methods
  [bold]dartboard runs[/]                               what your runs have come to
  [bold]dartboard settings[/], [bold]methods[/], [bold]spaces[/]          what can be set and chosen
  [bold]dartboard doctor[/]                             what this machine has, and what is missing

PICTURES is a folder with one folder of images per class, or any other layout that dartboard run --help lists.
Verbs that search or train write their results into a run directory, and --resume continues an interrupted one.
""",
)
for verbs in (
    runs.verbs,
    studies.verbs,
    trained.verbs,
    finished.verbs,
    tables.verbs,
    scores.verbs,
    listing.verbs,
    upkeep.verbs,
):
    app.add_typer(verbs)


@app.callback(invoke_without_command=True)
def dartboard(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version and exit.")] = False,
) -> None:
    """Print the version; without a verb, print the help."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line, and leave the program with an exit code; what goes wrong is told in one sentence."""
    to_its_end(_carry_out)


def _carry_out() -> int | None:
    if "" in sys.argv[1:]:  # it would mean the current folder
        raise SettingsError("an argument is empty; check that the variable it comes from is set, or leave it out.")
    code: int | None = app(standalone_mode=False, prog_name="dartboard")
    return code
