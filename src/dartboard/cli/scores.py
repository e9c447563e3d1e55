"""The verb that scores architectures before any training: score."""

from pathlib import Path
from typing import Annotated

import typer

from dartboard.cli.calling import at_work
from dartboard.cli.single_options import ImageColumn, Json, LabelColumn, Quiet, columns

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command()
def score(
    architectures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ARCH",
            show_default=False,
            help="Texts (|op~0|+...), published names, files like genotype.json, or run directories.",
        ),
    ] = None,
    proxies: Annotated[
        str, typer.Option(metavar="NAME,...", help="The proxies; dartboard proxies lists them.")
    ] = "naswot,synflow,az-nas",
    random: Annotated[int, typer.Option(metavar="N", help="Also draw N different architectures of the space.")] = 0,
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="The space to draw from.  \\[default: that of the first ARCH, or nas-bench-201]",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            show_default=False,
            help="A dataset, in any layout of dartboard run, or digits; one batch of it is shown to the networks.  "
            "\\[default: noise of 3x32x32]",
        ),
    ] = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Images in the batch.")] = 128,
    init_channels: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default=False, help="Width of the networks.  \\[default: the space's small networks]"
        ),
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default=False, help="Depth of the networks.  \\[default: the space's small networks]"
        ),
    ] = None,
    initialisations: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Over how many initialisations means are taken.  \\[default: 3, and what a proxy asks for]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Root of all that is drawn.")] = 0,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Score architectures by zero-cost proxies, which look at networks that nobody has trained.

    Parameters and multiply-adds stand beside the proxies, as those to beat.

    [bold]Examples[/]

      dartboard score nas-bench-201-resnet nas-bench-201-9930 --proxies naswot,synflow,az-nas
      dartboard score runs/flowers --random 20 --data flowers/
      dartboard score --random 100 --space darts --proxies az-nas --json
    """
    from dartboard.cli.output import print_scores

    with at_work(quiet) as (api, display):
        scores = api.score(
            architectures or [],
            data,
            columns(image_column, label_column),
            proxies=[name.strip() for name in proxies.split(",") if name.strip()],
            random=random,
            space=space,
            batch_size=batch_size,
            init_channels=init_channels,
            layers=layers,
            initialisations=initialisations,
            seed=seed,
            device=device,
            observer=display,
        )
    print_scores(scores, as_json=as_json)
