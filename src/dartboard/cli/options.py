"""What can be typed after a verb, declared once: each verb takes one of these objects."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from dartboard.config import parse_overrides, read_settings_file

__all__ = [
    "CompareOptions",
    "ImageColumn",
    "Json",
    "LabelColumn",
    "Overwrite",
    "PlanOptions",
    "RunOptions",
    "SearchOptions",
    "TrainOptions",
    "columns",
    "takes",
]

_WHAT, _HOW, _WHERE = "What to work on", "How to go about it", "Where the results go"
_PLACES = {
    "budget": "budget",
    "space": "space",
    "method": "method.name",
    "preset": "preset",
    "seed": "seed",
    "seeds": "seeds",
    "choose": "choose",
    "finalists": "finalists",
    "device": "device",
    "runs": "train.runs",
    "baselines": "baselines",
    "skip_broken": "data.skip_broken",
    "image_column": "data.image_column",
    "label_column": "data.label_column",
}
"""Option -> the setting that it stands for."""

ImageColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_WHAT,
        help="Column of a manifest or parquet file with the images or their paths.",
    ),
]
LabelColumn = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=_WHAT, help="Column with the labels.  \\[default: label]")
]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON, and nothing else.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", metavar="", help="Replace FILE if it is there.")]

_Runs = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        min=1,
        rich_help_panel=_HOW,
        help="Networks to train from different seeds; mean and deviation are reported.  \\[default: 1]",
    ),
]


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What all verbs that make a run have in common; field help is the manual."""

    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A folder with one folder of images per class, with or without train/, val/ and test/ above; "
            "train.csv and test.csv beside images_train/ and images_test/; a manifest (.csv, .parquet); arrays (.npz); "
            "parquet files as on the Hugging Face Hub, or hf:owner/name; IDX files as of MNIST. Without it: "
            "scikit-learn's handwritten digits.",
        ),
    ] = None
    skip_broken: Annotated[
        bool | None,
        typer.Option(
            "--skip-broken",
            metavar="",
            rich_help_panel=_WHAT,
            help="Leave out files that are no readable images, with a note, instead of stopping.",
        ),
    ] = None
    image_column: ImageColumn = None
    label_column: LabelColumn = None
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_WHAT,
            help="Search space, from: dartboard spaces.  \\[default: auto, by what the data is]",
        ),
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_HOW, help="The preset, from the list below.  \\[default: quick]"),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            rich_help_panel=_HOW,
            help="YAML or JSON file of settings, such as the settings.json of another run.",
        ),
    ] = None
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            rich_help_panel=_HOW,
            help="One setting, such as search.epochs=25; may be repeated, and wins over all others.",
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            rich_help_panel=_HOW,
            help="Time for the whole command, as in 90s, 30m or 2h: sizes and lengths that you do not set are planned "
            "for it and corrected on the way. Without it: the preset's.",
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=0,
            rich_help_panel=_HOW,
            help="Root of every random stream: on the CPU the same seed gives the same result.  \\[default: 0]",
        ),
    ] = None
    device: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_HOW, help="auto, cpu, cuda, cuda:N or mps.  \\[default: auto]"),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            show_default=False,
            rich_help_panel=_WHERE,
            help="Run directory, which receives every result. Without it: a new one under runs/.",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            metavar="",
            rich_help_panel=_WHERE,
            help="Go on with the run in the run directory from its last whole epoch, or begin it there. A run that has "
            "ended is not repeated.",
        ),
    ] = False
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            metavar="",
            rich_help_panel=_WHERE,
            help="Print the result as one JSON object on standard output, and nothing else there.",
        ),
    ] = False

    def layers(self) -> list[dict[str, Any]]:
        """The settings file, then the options, then the overrides, as layers of settings.

        Raises:
            SettingsError: the file or an override cannot be read.
        """
        values = {place: getattr(self, name, None) for name, place in _PLACES.items()}
        given = {place: value for place, value in values.items() if value is not None}
        return [read_settings_file(self.config) if self.config else {}, given, parse_overrides(self.overrides or [])]


@dataclass(frozen=True, kw_only=True)
class SearchOptions(_Options):
    """What can be typed after `search`."""

    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_WHAT,
            help="Search method, from: dartboard methods.  \\[default: auto, by what the data is]",
        ),
    ] = None
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|LIST",
            rich_help_panel=_HOW,
            help="Number of searches, whose seeds count from --seed on, or the seeds themselves, as in 2,20,200; one "
            "of them is chosen.  \\[default: one search]",
        ),
    ] = None
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            rich_help_panel=_HOW,
            help="How to choose among the searches of --seeds, from the list below.  \\[default: best-supernet]",
        ),
    ] = None
    finalists: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            rich_help_panel=_HOW,
            help="Number of architectures that the search proposes; each is trained for short_train_epochs, and the "
            "best by validation accuracy is taken.  \\[default: 1]",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RunOptions(SearchOptions):
    """What can be typed after `run`."""

    runs: _Runs = None
    baselines: Annotated[
        bool | None,
        typer.Option(
            "--baselines/--no-baselines",
            metavar="",
            show_default=False,
            rich_help_panel=_HOW,
            help="Whether to train, for comparison, the baselines listed below; each takes as long as the network "
            "found.  \\[default: the preset's; quick does]",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CompareOptions(_Options):
    """What can be typed after `compare`."""

    budget: Annotated[str | None, typer.Option(hidden=True)] = None
    methods: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            rich_help_panel=_WHAT,
            help="Search methods with commas between them, from: dartboard methods. Options of one follow a colon, as "
            "in darts,darts-minus:auxiliary_gate=0.3,random. With random among them, the others are compared with it.",
        ),
    ]
    seeds: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|LIST",
            rich_help_panel=_HOW,
            help="Number of runs of each method, whose seeds count from --seed on, or the seeds themselves, as in "
            "2,20,200.",
        ),
    ] = "3"
    search_only: Annotated[
        bool,
        typer.Option(
            "--search-only",
            metavar="",
            rich_help_panel=_HOW,
            help="Train nothing: compare cells by the table of NAS-Bench-201 and by their skip connections.",
        ),
    ] = False

    def layers(self) -> list[dict[str, Any]]:
        """As of a run; the seeds are those of the comparison."""
        return [{name: value for name, value in layer.items() if name != "seeds"} for layer in super().layers()]

    @property
    def names(self) -> list[str]:
        """The methods, each with its options."""
        names: list[str] = []
        for part in self.methods.split(","):
            if names and ":" in names[-1] and ":" not in part and "=" in part:
                names[-1] += f",{part}"
            elif part.strip():
                names.append(part.strip())
        return names


@dataclass(frozen=True, kw_only=True)
class PlanOptions(RunOptions):
    """What can be typed after `plan`."""

    genotype: Annotated[
        str | None,
        typer.Option(metavar="GENOTYPE", rich_help_panel=_WHAT, help="Plan to train this one instead of searching."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TrainOptions(_Options):
    """What can be typed after `train`."""

    genotype: Annotated[
        str,
        typer.Option(
            metavar="GENOTYPE",
            rich_help_panel=_WHAT,
            help="The architecture: a run directory, a JSON file, a published name such as darts-v2 or "
            "nas-bench-201-resnet, a NAS-Bench-201 string, or Genotype(...) text.",
        ),
    ]
    space: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=_WHAT, help="Refuse a genotype that is not of this search space."),
    ] = None
    runs: _Runs = None


O = TypeVar("O", bound=_Options)  # noqa: E741 - the customary single letter, and no number can be meant


def takes(options: type[O]) -> Callable[[Callable[[O], None]], Callable[..., None]]:
    """Let typer see the fields of `options` as the parameters of the decorated function, which is given an object."""

    def decorate(function: Callable[[O], None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            function(options(**values))

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {field.name: field.type for field in fields(options)}
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if field.default is MISSING else field.default,
                    annotation=field.type,
                )
                for field in fields(options)
            ]
        )
        return command

    return decorate


def columns(image_column: str | None, label_column: str | None) -> dict[str, str]:
    """The settings of `data` for the columns that were named."""
    named = {"image_column": image_column, "label_column": label_column}
    return {name: column for name, column in named.items() if column is not None}
