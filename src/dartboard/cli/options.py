"""The options of the verbs that make a run, each declared once: every such verb takes one of these objects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dartboard.cli.registered import completing
from dartboard.cli.single_options import (
    WHAT_TO_WORK_ON,
    ImageColumn,
    LabelColumn,
    MaxLatency,
    MaxMacs,
    MaxParams,
    Quiet,
)
from dartboard.config import parse_overrides, read_settings_file
from dartboard.wording import names_in

__all__ = [
    "CompareOptions",
    "ParetoOptions",
    "PlanOptions",
    "RunOptions",
    "SearchOptions",
    "TrainOptions",
]

_HOW, _WHERE = "How to work", "Where the results go"
_PLACES = {
    "budget": "budget",
    "space": "space",
    "method": "method.name",
    "start_at": "search.start_at",
    "preset": "preset",
    "seed": "seed",
    "seeds": "seeds",
    "choose": "choose",
    "finalists": "finalists",
    "watch": "search.watch",
    "guard": "search.guard",
    "device": "device",
    "runs": "train.runs",
    "baselines": "baselines",
    "contest": "contest",
    "max_params": "limits.params",
    "max_macs": "limits.macs",
    "max_latency": "limits.latency",
    "skip_broken": "data.skip_broken",
    "image_column": "data.image_column",
    "label_column": "data.label_column",
}
"""Option -> dotted name of the setting that it sets."""

_Runs = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        min=1,
        rich_help_panel=_HOW,
        help="Number of networks to train from different seeds; the report gives mean and standard deviation.  "
        "\\[default: 1]",
    ),
]


@dataclass(frozen=True, kw_only=True)
class _Options:
    """The options that all verbs that make a run share; the help texts of the fields describe them."""

    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            show_default=False,
            help="A folder with one folder of images per class, with or without train/, val/ and test/ above; "
            "train.csv and test.csv beside images_train/ and images_test/; a manifest (.csv, .tsv, .parquet); arrays "
            "(.npz); parquet files as on the Hugging Face Hub, or hf:owner/name; IDX files like those of MNIST. "
            "Without DATA: scikit-learn's handwritten digits.",
        ),
    ] = None
    skip_broken: Annotated[
        bool | None,
        typer.Option(
            "--skip-broken",
            metavar="",
            rich_help_panel=WHAT_TO_WORK_ON,
            help="Leave out files that cannot be read as images, with a note, instead of stopping.",
        ),
    ] = None
    image_column: ImageColumn = None
    label_column: LabelColumn = None
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=WHAT_TO_WORK_ON,
            autocompletion=completing("spaces"),
            help="Search space; dartboard spaces lists them.  \\[default: auto, chosen for the data]",
        ),
    ] = None
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_HOW,
            autocompletion=completing("presets"),
            help="Preset, from the list below.  \\[default: quick]",
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            rich_help_panel=_HOW,
            help="YAML or JSON file with settings, such as the settings.json of another run.",
        ),
    ] = None
    max_params: MaxParams = None
    max_macs: MaxMacs = None
    max_latency: MaxLatency = None
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            rich_help_panel=_HOW,
            help="One setting, such as search.epochs=25; may be repeated, and takes precedence over all other options.",
        ),
    ] = None
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            show_default=False,
            rich_help_panel=_HOW,
            help="Time for the whole command, as in 90s, 30m or 2h. Network sizes and numbers of epochs that you do "
            "not set are planned for this time, and corrected during the run. Without a budget the preset sets them.",
        ),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=0,
            rich_help_panel=_HOW,
            help="Root of every random stream; on the CPU the same seed gives the same result.  \\[default: 0]",
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
            help="Run directory, which receives all results. Without this option: a new one under runs/.",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            metavar="",
            rich_help_panel=_WHERE,
            help="Continue the run in the run directory after its last completed epoch, or begin a run if there is "
            "none. A run that has ended is not repeated.",
        ),
    ] = False
    quiet: Quiet = None
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            metavar="",
            rich_help_panel=_WHERE,
            help="Print only the result on standard output, as one JSON object.",
        ),
    ] = False

    def layers(self) -> list[dict[str, Any]]:
        """The settings file, the options and the overrides, as layers of settings in this order; later ones win.

        Raises:
            SettingsError: the file or an override cannot be read.
        """
        values = {place: getattr(self, name, None) for name, place in _PLACES.items()}
        given = {place: value for place, value in values.items() if value is not None}
        return [read_settings_file(self.config) if self.config else {}, given, parse_overrides(self.overrides or [])]


@dataclass(frozen=True, kw_only=True)
class SearchOptions(_Options):
    """The options of `search`."""

    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=WHAT_TO_WORK_ON,
            autocompletion=completing("methods"),
            help="Search method; dartboard methods lists them.  \\[default: auto, chosen for the data]",
        ),
    ] = None
    start_at: Annotated[
        str | None,
        typer.Option(
            metavar="GENOTYPE",
            show_default=False,
            rich_help_panel=WHAT_TO_WORK_ON,
            help="Architecture that the search starts at, in any form that train --genotype takes: its operations lead "
            "in alpha. Without this option no operation is preferred.",
        ),
    ] = None
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|LIST",
            rich_help_panel=_HOW,
            help="Number of searches, with seeds that count up from --seed, or the seeds themselves, as in 2,20,200. "
            "One of the searches is chosen.  \\[default: one search]",
        ),
    ] = None
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            autocompletion=completing("choice-rules"),
            rich_help_panel=_HOW,
            help="Rule that chooses among the searches of --seeds, from the list below.  \\[default: best-supernet]",
        ),
    ] = None
    finalists: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUMBER",
            rich_help_panel=_HOW,
            help="Number of architectures that the search proposes. Each is trained for short_train_epochs, and the "
            "one with the highest validation accuracy is chosen.  \\[default: 1]",
        ),
    ] = None
    guard: Annotated[
        str | None,
        typer.Option(
            metavar="ACTION",
            show_default=False,
            rich_help_panel=_HOW,
            help="What to do about a search that collapses to skip connections: warn, stop at its last good epoch, or "
            "fallback, which goes on from there with RobustDARTS; off does not look.  \\[default: warn]",
        ),
    ] = None
    watch: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            show_default=False,
            rich_help_panel=_HOW,
            autocompletion=completing("watches"),
            help="What to measure while the search goes on, separated by commas; dartboard watches lists it. The "
            "search itself stays the same.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RunOptions(SearchOptions):
    """The options of `run`."""

    runs: _Runs = None
    baselines: Annotated[
        bool | None,
        typer.Option(
            "--baselines/--no-baselines",
            metavar="",
            show_default=False,
            rich_help_panel=_HOW,
            help="Whether to train the baselines listed below for comparison; each takes as long as the network that "
            "was found.  \\[default: the preset decides; quick trains them]",
        ),
    ] = None
    contest: Annotated[
        bool | None,
        typer.Option(
            "--contest/--no-contest",
            metavar="",
            show_default=False,
            rich_help_panel=_HOW,
            help="Whether the network found and the baselines compete by short trainings of equal time, and only the "
            "best of them is trained to the end.  \\[default: no; with a budget the plan decides]",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class CompareOptions(_Options):
    """The options of `compare`."""

    budget: Annotated[str | None, typer.Option(hidden=True)] = None
    methods: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            rich_help_panel=WHAT_TO_WORK_ON,
            help="Search methods, separated by commas; dartboard methods lists them. Options of a method follow a "
            "colon, as in darts,darts-minus:auxiliary_gate=0.3,random. All others are compared with random if it is "
            "in the list, otherwise with the first.",
        ),
    ]
    seeds: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|LIST",
            rich_help_panel=_HOW,
            help="Number of runs of each method, with seeds that count up from --seed, or the seeds themselves, as in "
            "2,20,200.",
        ),
    ] = "3"
    search_only: Annotated[
        bool,
        typer.Option(
            "--search-only",
            metavar="",
            rich_help_panel=_HOW,
            help="Train no network; compare the cells by the table of NAS-Bench-201 and by their skip connections.",
        ),
    ] = False

    def layers(self) -> list[dict[str, Any]]:
        """The layers of settings of a run, without the seeds, which the comparison sets.

        Raises:
            SettingsError: the file or an override cannot be read.
        """
        return [{name: value for name, value in layer.items() if name != "seeds"} for layer in super().layers()]

    @property
    def names(self) -> list[str]:
        """The methods as text, each with its options; a comma inside the options of a method does not split it."""
        return list(names_in(self.methods))


@dataclass(frozen=True, kw_only=True)
class ParetoOptions(RunOptions):
    """The options of `pareto`."""

    sweep: Annotated[
        str,
        typer.Option(
            metavar="NAME=LIMITS",
            rich_help_panel=WHAT_TO_WORK_ON,
            help="What is limited, params, macs or latency, and the limits, as in macs=10M,20M,50M; every limit has a "
            "run of its own.",
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class PlanOptions(RunOptions):
    """The options of `plan`."""

    genotype: Annotated[
        str | None,
        typer.Option(metavar="GENOTYPE", rich_help_panel=WHAT_TO_WORK_ON, help="Plan the training of this one only."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class TrainOptions(_Options):
    """The options of `train`."""

    genotype: Annotated[
        str,
        typer.Option(
            metavar="GENOTYPE",
            rich_help_panel=WHAT_TO_WORK_ON,
            help="Architecture to train: a run directory, a JSON file, a published name such as darts-v2 or "
            "nas-bench-201-resnet, a NAS-Bench-201 string, or Genotype(...) text.",
        ),
    ]
    space: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=WHAT_TO_WORK_ON, help="Refuse a genotype of another search space."
        ),
    ] = None
    runs: _Runs = None
