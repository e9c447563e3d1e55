"""The verbs that use the trained network of a run: predict, evaluate, export."""

from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import at_work
from dartboard.cli.single_options import ImageColumn, Json, LabelColumn, Overwrite, Quiet, SkipBroken, columns

__all__ = ["verbs"]

verbs = typer.Typer()

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.", show_default=False)]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")]


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
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            show_default=False,
            help="A .npy file gets the predicted classes as integers; a .csv file gets names, predictions, labels "
            "where they are known, and probabilities. Without it, the first predictions are printed.",
        ),
    ] = None,
    skip_broken: SkipBroken = False,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Predict the classes of images with the trained network of a run, in the order of the manifest or folder.

    [bold]Examples[/]

      dartboard predict runs/flowers new-flowers/1.jpg
      dartboard predict runs/flowers new-flowers/ --out preds.csv
      dartboard predict runs/flowers task/ --out preds.npy --overwrite
    """
    from dartboard.cli.output import print_predictions

    layer = {**columns(image_column, label_column), "skip_broken": skip_broken}
    with at_work(quiet) as (api, display):
        predictions = api.predict(
            run_directory, data, layer, out=out, overwrite=overwrite, device=device, observer=display
        )
    print_predictions(predictions, out, as_json=as_json)


@verbs.command()
def evaluate(
    run_directory: Run,
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A dataset with labels, in any layout of dartboard run. Its test images are taken, or all where it "
            "has no test split. Without DATA: scikit-learn's handwritten digits.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", show_default=False, help="Also write the predictions, as predict does."
        ),
    ] = None,
    skip_broken: SkipBroken = False,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Measure the accuracy of the trained network of a run on other labelled images, class by class.

    Labels are matched with the classes of the network by their names.

    [bold]Examples[/]

      dartboard evaluate runs/flowers other-flowers/
      dartboard evaluate runs/flowers/baselines/resnet other-flowers/ --json
    """
    from dartboard.cli.output import print_evaluation

    layer = {**columns(image_column, label_column), "skip_broken": skip_broken}
    with at_work(quiet) as (api, display):
        evaluation = api.evaluate(
            run_directory, data, layer, out=out, overwrite=overwrite, device=device, observer=display
        )
    print_evaluation(evaluation, out, as_json=as_json)


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
    quiet: Quiet = None,
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

    with at_work(quiet) as (api, _):
        exported = api.export(run_directory, out, overwrite=overwrite)
    print_exported(exported, as_json=as_json)
