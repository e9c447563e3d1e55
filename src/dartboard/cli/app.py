"""The command line: arguments -> settings -> one call of the Python API -> exit code.

Importing torch takes a second, so commands import the API when they run: `--help` stays quick.
"""

import io
import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from dartboard.cli.options import (
    PRESET_LIST,
    CompareOptions,
    ImageColumn,
    LabelColumn,
    PlanOptions,
    RunOptions,
    SearchOptions,
    TrainOptions,
    takes,
)
from dartboard.cli.sharing import share_processors
from dartboard.config import parse_overrides
from dartboard.errors import DartboardError
from dartboard.version import __version__

if TYPE_CHECKING:
    from dartboard.runs import Observer

__all__ = ["main"]

_INTERRUPTED = 130

app = typer.Typer(
    name="dartboard",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
    help="""Differentiable neural architecture search on images.

From a dataset to a searched, retrained, tested and reported network:

  [bold]dartboard run PICTURES[/]                       search, train, test and report
  [bold]dartboard run[/]                                the same on scikit-learn's digits
  [bold]dartboard search PICTURES[/]                    only search an architecture
  [bold]dartboard train PICTURES --genotype darts-v2[/] only train a given one

  [bold]dartboard compare PICTURES --methods darts,random[/] several methods beside one another
  [bold]dartboard data PICTURES[/]                      what a dataset holds
  [bold]dartboard predict RUN IMAGES --out preds.csv[/] what the network of a run says of other images
  [bold]dartboard export RUN --out model.onnx[/]        that network as a file for other programs

PICTURES is a folder with one folder of images per class, or any other layout of those in dartboard run --help.
Every verb leaves its results in a run directory and, when interrupted, goes on with --resume.
""",
)


@app.callback(invoke_without_command=True)
def dartboard(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version and exit.")] = False,
) -> None:
    """Print the version, or without a verb the help."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog=PRESET_LIST)
@takes(RunOptions)
def run(options: RunOptions) -> None:
    """Search an architecture, train it from scratch, test it once, write the report.

    [bold]Examples[/]

      dartboard run flowers/
      dartboard run flowers/ --budget 30m
      dartboard run flowers/ --method darts-2nd --seed 1 --out runs/flowers
      dartboard run flowers/ --space nas-bench-201 --set search.epochs=25 --set train.epochs=40
      dartboard run flowers/ --seeds 4 --choose best-short-train
      dartboard run flowers/ --out runs/flowers --resume
    """
    _make_run("run", options)


@app.command(epilog=PRESET_LIST)
@takes(SearchOptions)
def search(options: SearchOptions) -> None:
    """Search an architecture; the test images are not touched.

    [bold]Examples[/]

      dartboard search flowers/ --out runs/flowers
      dartboard search flowers/ --space nas-bench-201 --json > result.json
    """
    _make_run("search", options)


@app.command(epilog=PRESET_LIST)
@takes(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a given architecture from scratch, test it once, write the report.

    [bold]Examples[/]

      dartboard train flowers/ --genotype darts-v2 --runs 3
      dartboard train other-flowers/ --genotype runs/flowers
      dartboard train --genotype '|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|'
    """
    _make_run("train", options, genotype=options.genotype)


@app.command(epilog=PRESET_LIST)
@takes(PlanOptions)
def plan(options: PlanOptions) -> None:
    """Say what run would do and why, without doing it; or train, with --genotype.

    [bold]Example[/]

      dartboard plan flowers/ --budget 30m
    """
    from dartboard.cli.output import print_plan

    layers = options.layers()
    with _at_work() as (api, display):
        planned = api.plan(options.data, *layers, genotype=options.genotype, observer=display)
    print_plan(planned, as_json=options.as_json)


@app.command(epilog=PRESET_LIST)
@takes(CompareOptions)
def compare(options: CompareOptions) -> None:
    """Compare search methods: the same data, seeds and recipe for all, and a table with mean and deviation.

    Every run is kept with its report, in METHOD/seed-N of the directory of the comparison.

    [bold]Examples[/]

      dartboard compare flowers/ --methods darts,gdas,drnas,random
      dartboard compare flowers/ --methods darts,random --seeds 5 --space darts --set train.epochs=60
      dartboard compare flowers/ --methods darts,darts-minus --search-only --out runs/minus --resume
    """
    from dartboard.cli.output import print_comparison

    with _at_work() as (api, display):
        comparison = api.compare(
            options.data,
            *options.layers(),
            methods=options.names,
            seeds=options.seeds,
            train=not options.search_only,
            out=options.out,
            resume=options.resume,
            observer=display,
            command=shlex.join(["dartboard", *sys.argv[1:]]),
        )
    print_comparison(comparison, as_json=options.as_json)


_Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, and nothing else.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace FILE if it is there.")]
_Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.", show_default=False)]
_Search = Annotated[Path, typer.Argument(metavar="FOLDER", help="The run directory of a search.", show_default=False)]
_Verbose = Annotated[bool, typer.Option("--verbose", "-v", metavar="", help="Print all that is known of each.")]


@app.command()
def select(
    run_directory: _Search,
    name: Annotated[
        str, typer.Option("--with", metavar="NAME", help="perturbation, sample, strongest or threshold.")
    ] = "perturbation",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the selection; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Run directory of the selection. Without it: one beside."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", metavar="", help="Go on with a selection that was interrupted.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Read another architecture from the supernet of a finished search, without searching again.

    [bold]Selections[/], with their options

      perturbation  what the supernet misses most: measure (accuracy or loss), epochs
      sample        the best of many: candidates, batches, finalists, origin (uniform, shares or likeliest)
      strongest     the largest gates
      threshold     gates above a threshold: least, form (sparse or edge)

    [bold]Examples[/]

      dartboard select runs/flowers --with perturbation --set epochs=20
      dartboard select runs/flowers --with sample --out runs/flowers-sampled
    """
    _make("select", run_directory, name, parse_overrides(overrides or []), out=out, resume=resume, as_json=as_json)


@app.command()
def analyse(
    run_directory: _Search,
    name: Annotated[
        str, typer.Option("--what", metavar="NAME", help="discretisation or shuffling.", show_default=False)
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="OPTION=VALUE", help="An option of the analysis; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FOLDER", help="Run directory of the analysis. Without it: one beside."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", metavar="", help="Go on with an analysis that was interrupted.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Find out what a finished search has learned; the supernet of the search stays as it is.

    [bold]Analyses[/], with their options

      discretisation  fix each operation of each edge, let the rest learn on, compare: edges, patience, epochs
      shuffling       let edges or layers change places at random: parts (edges or layers), permutations

    [bold]Examples[/]

      dartboard analyse runs/flowers --what discretisation --set edges=normal:0-2,normal:1-2
      dartboard analyse runs/flowers --what shuffling --set permutations=20
    """
    _make("analyse", run_directory, name, parse_overrides(overrides or []), out=out, resume=resume, as_json=as_json)


@app.command()
def report(
    run_directory: Annotated[Path, typer.Argument(metavar="FOLDER", help="The run directory.", show_default=False)],
    as_json: _Json = False,
) -> None:
    """Write the report of a run anew, from what its directory holds, finished or not.

    [bold]Example[/]

      dartboard report runs/flowers
    """
    from dartboard import api

    page = api.report(run_directory)
    typer.echo(json.dumps({"report": str(page)}) if as_json else str(page))


@app.command()
def predict(
    run_directory: _Run,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A dataset as for dartboard run, labelled or not, or a folder of images. Its test images are "
            "predicted, or all where it has no test split.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="preds.npy for the integer labels, preds.csv for names, classes and probabilities.",
        ),
    ],
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: _Overwrite = False,
    as_json: _Json = False,
) -> None:
    """Predict images with the trained network of a run, in the order of the manifest or folder.

    [bold]Examples[/]

      dartboard predict runs/flowers new-flowers/ --out preds.csv
      dartboard predict runs/flowers task/ --out preds.npy --overwrite
    """
    from dartboard.cli.output import print_predictions

    layer = _columns(image_column, label_column)
    with _at_work() as (api, display):
        predictions = api.predict(
            run_directory, data, layer, out=out, overwrite=overwrite, device=device, observer=display
        )
    print_predictions(predictions, out, as_json=as_json)


@app.command()
def export(
    run_directory: _Run,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="model.onnx, for which the extra 'export' must be installed, or model.pt2 for torch.export.load.",
        ),
    ],
    overwrite: _Overwrite = False,
    as_json: _Json = False,
) -> None:
    """Write the trained network of a run as one file that needs no dartboard, and compare the two.

    It takes uint8 images (batch, height, width, channels) and gives probabilities; the class names are in it.

    [bold]Examples[/]

      dartboard export runs/flowers --out flowers.onnx
      dartboard export runs/flowers/baselines/resnet --out resnet.pt2
    """
    from dartboard.cli.output import print_exported

    with _at_work() as (api, _):
        exported = api.export(run_directory, out, overwrite=overwrite)
    print_exported(exported, as_json=as_json)


@app.command()
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
    overwrite: _Overwrite = False,
    as_json: _Json = False,
) -> None:
    """Say what a dataset holds: counts by class, sizes, broken files, duplicates between training and test, imbalance.

    [bold]Example[/]

      dartboard data flowers/ --contact-sheet flowers.png
    """
    from dartboard.cli.output import print_description

    with _at_work() as (api, display):
        description = api.describe(
            data,
            _columns(image_column, label_column),
            contact_sheet=contact_sheet,
            overwrite=overwrite,
            observer=display,
        )
    print_description(description, as_json=as_json)


def _columns(image_column: str | None, label_column: str | None) -> dict[str, str]:
    columns = {"image_column": image_column, "label_column": label_column}
    return {name: column for name, column in columns.items() if column is not None}


@app.command()
def methods(verbose: _Verbose = False, as_json: _Json = False) -> None:
    """List the search methods; with --verbose also their options, for --set method.options.NAME=VALUE."""
    from dartboard import api
    from dartboard.cli.output import print_entries

    print_entries("method", api.list_methods(), verbose=verbose, as_json=as_json)


@app.command()
def spaces(verbose: _Verbose = False, as_json: _Json = False) -> None:
    """List the search spaces; with --verbose also their operations, cells and edges.

    [bold]How the fast engine runs an operation[/]

      shared   once for all edges that leave a node
      folded   its last convolution, norm and gate in one matrix product
      plain    as it is, edge by edge
      nothing  not at all
    """
    from dartboard import api
    from dartboard.cli.output import print_entries

    print_entries("space", api.list_spaces(), verbose=verbose, as_json=as_json)


def main() -> None:
    """Run the command line; user errors become one sentence on standard error and exit code 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold bytes that are no text
    try:
        code = app(standalone_mode=False, prog_name="dartboard")
        sys.stdout.flush()
    except typer.TyperException as error:
        message = error.format_message()
        _fail(f"{message[:1].lower()}{message[1:]} (see dartboard --help)", 2)
    except DartboardError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}.", 2)
    if code == _INTERRUPTED:
        _fail("interrupted; the same command with --resume goes on after the last whole epoch.", code)
    sys.exit(code or 0)


def _fail(sentence: str, code: int) -> None:
    line = " ".join(sentence.split())
    Console(stderr=True).print(Text.assemble(("dartboard:", "bold red"), " ", line), soft_wrap=True)
    sys.exit(code)


@contextmanager
def _at_work() -> Iterator[tuple[Any, "Observer"]]:
    """The API, and a display on standard error for what it does."""
    note = share_processors()
    from dartboard import api
    from dartboard.display import make_display

    with make_display(Console(stderr=True)) as display:
        if note:
            display.note(note)
        yield api, display


def _make_run(verb: str, options: SearchOptions | TrainOptions, **further: str) -> None:
    layers = options.layers()
    _make(verb, options.data, *layers, out=options.out, resume=options.resume, as_json=options.as_json, **further)


def _make(verb: str, *arguments: Any, out: Path | None, resume: bool, as_json: bool, **further: str) -> None:
    """Call the verb of the API with what was typed: a display on standard error, then the result on standard output."""
    from dartboard.cli.output import print_result

    with _at_work() as (api, display):
        command = shlex.join(["dartboard", *sys.argv[1:]])
        result = getattr(api, verb)(*arguments, out=out, resume=resume, observer=display, command=command, **further)
    print_result(result, as_json=as_json)
