"""Options that verbs of every kind declare one by one, as the types of their parameters."""

from typing import Annotated

import typer

__all__ = [
    "WHAT_TO_WORK_ON",
    "ImageColumn",
    "Json",
    "LabelColumn",
    "MaxLatency",
    "MaxMacs",
    "MaxParams",
    "Overwrite",
    "Quiet",
    "SkipBroken",
    "columns",
    "given_limits",
]

WHAT_TO_WORK_ON = "What to work on"
"""Heading of the options that say which data a verb takes."""

ImageColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Column with the images or their paths, in a manifest or parquet file.",
    ),
]
LabelColumn = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=WHAT_TO_WORK_ON, help="Column with the labels.  \\[default: label]"),
]
SkipBroken = Annotated[
    bool,
    typer.Option(
        "--skip-broken",
        metavar="",
        help="Leave out files that cannot be read as images, with a note and a row that says so, instead of stopping.",
    ),
]
Quiet = Annotated[
    bool | None,
    typer.Option(
        "--quiet/--verbose",
        "-q/-v",
        metavar="",
        show_default=False,
        help="Print nothing but the result and errors, or one line with its time for everything that happens.  "
        "\\[default: progress and notes]",
    ),
]
_LIMITS = "What the network may cost"
MaxParams = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", rich_help_panel=_LIMITS, show_default=False, help="Most learned numbers, as in 1M."),
]
MaxMacs = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER",
        rich_help_panel=_LIMITS,
        show_default=False,
        help="Most multiply-adds for one image, as in 50M or 1.5G.",
    ),
]
MaxLatency = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        rich_help_panel=_LIMITS,
        show_default=False,
        help="Most time that the network may take for one image on this machine, as in 5ms.",
    ),
]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print only JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace FILE if it exists.")]


def given_limits(params: str | None, macs: str | None, latency: str | None) -> dict[str, str] | None:
    """The settings in the group `limits` that the user gave; None without any."""
    given = {"params": params, "macs": macs, "latency": latency}
    return {name: value for name, value in given.items() if value is not None} or None


def columns(image_column: str | None, label_column: str | None) -> dict[str, str]:
    """The settings in the group `data` for the columns that the user named."""
    named = {"image_column": image_column, "label_column": label_column}
    return {name: column for name, column in named.items() if column is not None}
