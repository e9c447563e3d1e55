"""The verb that makes studies: `dartboard study`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dartboard.cli.calling import at_work, resumable, typed
from dartboard.cli.registered import completing, showing
from dartboard.cli.single_options import WHAT_TO_WORK_ON, Json, Quiet
from dartboard.config import parse_overrides
from dartboard.wording import names_in, parts_in

__all__ = ["verbs"]

verbs = typer.Typer()

_HOW, _WHERE = "How to work", "Where the results go"

Methods = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        show_default=False,
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Search methods, separated by commas; options and settings of one stand in braces, as in "
        "'darts,p-darts{search.layers=5},random'.",
    ),
]
Spaces = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Search spaces, separated by commas.  \\[default: one that fits all methods]",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="LIST",
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Data sets, separated by commas: folders or files, hf:owner/name, digits, or names in the folder of "
        "DARTBOARD_DATA.  \\[default: digits]",
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER|LIST|RANGE",
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Seeds: a number of them, a list as in 2,20,200, or a range as in 0-3.  \\[default: 3]",
    ),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUES",
        rich_help_panel=WHAT_TO_WORK_ON,
        help="A setting and the values that it takes in turn, as in search.weight_lr=0.001,0.005; may be repeated, and "
        "every value is combined with every other.",
    ),
]
Transfer = Annotated[
    str | None,
    typer.Option(
        metavar="A:B,...",
        show_default=False,
        rich_help_panel=WHAT_TO_WORK_ON,
        help="Search on data set A, and train and test what was found on B.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=_HOW,
        autocompletion=completing("presets"),
        help="Preset of all trials.  \\[default: quick]",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        rich_help_panel=_HOW,
        help="One setting of all trials, such as search.epochs=25; may be repeated.",
    ),
]
Choose = Annotated[
    str | None,
    typer.Option(
        metavar="RULE",
        autocompletion=completing("choice-rules"),
        show_default=False,
        rich_help_panel=_HOW,
        help="Rule that takes one of the seeds of every method; its figure stands beside the mean over all.",
    ),
]
Train = Annotated[
    str | None,
    typer.Option(
        metavar="WHICH",
        rich_help_panel=_HOW,
        help="Which architectures are trained and tested: all, only the one that --choose takes (chosen), or none."
        "  \\[default: all]",
    ),
]
Scale = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        rich_help_panel=_HOW,
        help="Share of the lengths of all searches and trainings that is done, as in 0.05; the report says so."
        "  \\[default: 1]",
    ),
]
SkipUnfit = Annotated[
    bool,
    typer.Option(
        "--skip-unfit",
        metavar="",
        rich_help_panel=_HOW,
        help="Leave out methods in the spaces that they do not fit, instead of refusing the study.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=_HOW, help="auto, cpu, cuda, cuda:N or mps.  \\[default: auto]"),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        metavar="",
        rich_help_panel=_HOW,
        help="Only say what would be done and what it costs here: trials, hours by the speed of a few steps, disk.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        show_default=False,
        rich_help_panel=_WHERE,
        help="Directory of the study. Without this option: a new one under runs/.",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        metavar="",
        rich_help_panel=_WHERE,
        help="Go on with the study in the directory, perhaps with more methods, spaces, data sets, seeds or values: "
        "what is missing is done, and nothing else.",
    ),
]


Workers = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        min=0,
        rich_help_panel=_HOW,
        help="Trials at a time, each in a process of its own with its share of this machine; 0 makes them in this "
        "process.  \\[default: as many as cores, memory and accelerators carry]",
    ),
]
State = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        rich_help_panel=_HOW,
        help="Database that knows what every trial is at, as in postgresql://user@host/studies, for a study on several "
        "hosts.  \\[default: a file in the directory of the study]",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        show_default=False,
        rich_help_panel=_HOW,
        help="Where the trials are made: ray or ray:ADDRESS, on the hosts of a Ray cluster; slurm writes a job script.",
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        metavar="NUMBER",
        min=0,
        rich_help_panel=_HOW,
        help="How often a trial that failed is tried again before it is recorded as failed.",
    ),
]
Join = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        show_default=False,
        rich_help_panel=_WHERE,
        help="Folder with finished runs made elsewhere: those with the settings and images of a trial take its place.",
    ),
]


@verbs.command(cls=showing("studies", "choice-rules"))
def study(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            show_default=False,
            autocompletion=completing("studies"),
            help="A ready study from the list below, or a YAML file. The options take the place of what it says.",
        ),
    ] = None,
    methods: Methods = None,
    spaces: Spaces = None,
    data: Data = None,
    seeds: Seeds = None,
    vary: Vary = None,
    transfer: Transfer = None,
    preset: Preset = None,
    overrides: Overrides = None,
    choose: Choose = None,
    train: Train = None,
    scale: Scale = None,
    skip_unfit: SkipUnfit = False,
    device: Device = None,
    workers: Workers = None,
    cluster: Cluster = None,
    state: State = None,
    retries: Retries = 1,
    dry_run: DryRun = False,
    join: Join = None,
    out: Out = None,
    resume: Resume = False,
    quiet: Quiet = None,
    as_json: Json = False,
) -> None:
    """Make a grid of runs (methods, spaces, data sets, seeds, settings), and put the results into tables.

    Every trial is an ordinary run, kept with its report in the folder trials/ of the study's directory.

    [bold]Examples[/]

      dartboard study --methods darts,gdas,random --spaces nas-bench-201,darts --data cifar10,flowers/ --seeds 0-3
      dartboard study --methods darts,single-darts --vary search.weight_lr=0.001,0.005,0.025 --train none
      dartboard study my-study.yaml --out runs/mine --resume
      dartboard study darts-four-seeds --scale 0.05 --dry-run
    """
    from dartboard.cli.study_output import print_study, print_study_plan
    from dartboard.workflow.studies.grid import read_varied

    shared = {key: value for key, value in (("preset", preset), ("device", device)) if value is not None}
    grid: dict[str, Any] = {
        "methods": None if methods is None else names_in(methods),
        "spaces": None if spaces is None else names_in(spaces),
        "data": _listed(data),
        "transfer": _listed(transfer),
        "seeds": seeds,
        "vary": read_varied(vary) if vary else None,
        "choose": choose,
        "train": train,
        "scale": scale,
        "skip_unfit": skip_unfit or None,
    }
    layers = [shared, parse_overrides(overrides or [])]
    if dry_run:
        with at_work(quiet) as (api, display):
            plan = api.plan_of_study(what, *layers, **grid, out=out, observer=display)
        print_study_plan(plan, as_json=as_json)
        return
    work: dict[str, Any] = {"workers": workers, "cluster": cluster, "state": state, "retries": retries, "join": join}
    with resumable(out, resume=resume), at_work(quiet) as (api, display):
        record = api.study(what, *layers, **grid, **work, out=out, resume=resume, observer=display, command=typed())
    print_study(record, as_json=as_json)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in parts_in(text) if part.strip()]
