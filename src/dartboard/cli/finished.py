"""The verbs that work on an existing run: select, analyse, report, predict, export."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import at_work, make
from dartboard.cli.options import ImageColumn, Json, LabelColumn, Overwrite, SkipBroken, columns
from dartboard.cli.registered import showing
from dartboard.config import parse_overrides

__all__ = ["verbs"]

verbs = typer.Typer()

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.", show_default=False)]
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
    as_json: Json = False,
) -> None:
    """Select another architecture from the supernet of a finished search, without searching again.

    [bold]Examples[/]

      dartboard select runs/flowers --with perturbation --set epochs=20
      dartboard select runs/flowers --with sample --out runs/flowers-sampled
    """
    make("select", run_directory, name, parse_overrides(overrides or []), out=out, resume=resume, as_json=as_json)


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
    as_json: Json = False,
) -> None:
    """Analyse the supernet of a finished search; the run directory of the search is not changed.

    [bold]Examples[/]

      dartboard analyse runs/flowers --what discretisation --set edges=normal:0-2,normal:1-2
      dartboard analyse runs/flowers --what shuffling --set permutations=20
    """
    make("analyse", run_directory, name, parse_overrides(overrides or []), out=out, resume=resume, as_json=as_json)


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


@verbs.command()
def predict(
    run_directory: Run,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A dataset in any layout of dartboard run, labelled or not, or a folder of images, or one image file. "
            "The test images of a dataset are predicted; without a test split, all its images are.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A .npy file gets the predicted classes as integers; a .csv file gets names, predictions, labels "
            "where they are known, and probabilities.",
        ),
    ],
    skip_broken: SkipBroken = False,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Predict the classes of images with the trained network of a run, in the order of the manifest or folder.

    [bold]Examples[/]

      dartboard predict runs/flowers new-flowers/ --out preds.csv
      dartboard predict runs/flowers new-flowers/1.jpg --out preds.csv
      dartboard predict runs/flowers task/ --out preds.npy --overwrite
    """
    from dartboard.cli.output import print_predictions

    layer = {**columns(image_column, label_column), "skip_broken": skip_broken}
    with at_work() as (api, display):
        predictions = api.predict(
            run_directory, data, layer, out=out, overwrite=overwrite, device=device, observer=display
        )
    print_predictions(predictions, out, as_json=as_json)


@verbs.command()
def export(
    run_directory: Run,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A .onnx file, which needs the extra 'export' to be installed, or a .pt2 file for torch.export.load.",
        ),
    ],
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the trained network of a run as one file that works without dartboard, and compare it with the network.

    The file takes uint8 images of shape (batch, height, width, channels) and returns the probabilities of the classes.
    It also holds the class names.

    [bold]Examples[/]

      dartboard export runs/flowers --out flowers.onnx
      dartboard export runs/flowers/baselines/resnet --out resnet.pt2
    """
    from dartboard.cli.output import print_exported

    with at_work() as (api, _):
        exported = api.export(run_directory, out, overwrite=overwrite)
    print_exported(exported, as_json=as_json)
