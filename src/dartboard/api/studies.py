"""The verb that makes studies: grids of methods, spaces, data sets, seeds and settings, and the protocols of papers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dartboard.config import merged, read_settings_file
from dartboard.display import fitting_observer
from dartboard.errors import SettingsError
from dartboard.records import Study, StudyRecord
from dartboard.reports import write_study
from dartboard.runs import Observer, next_free
from dartboard.settings import RunSettings
from dartboard.settings.migration import migrate
from dartboard.workflow.opening import Layer, Place
from dartboard.workflow.studies import (
    READY_STUDIES,
    StudyPlan,
    StudyRequest,
    StudyTable,
    Trial,
    begin_study,
    expand,
    going_on,
    plan_study,
    request,
)

__all__ = ["plan_of_study", "study"]

Names = str | Sequence[str]


def study(
    what: Place | Mapping[str, Any] | None = None,
    *layers: Layer,
    methods: Names | None = None,
    spaces: Names | None = None,
    data: Names | None = None,
    seeds: int | str | Sequence[int] | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    choose: str | None = None,
    train: str | None = None,
    transfer: Names | None = None,
    scale: float | None = None,
    skip_unfit: bool | None = None,
    workers: int | None = None,
    state: str | None = None,
    cluster: str | None = None,
    retries: int = 1,
    join: Place | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.study(...)",
) -> StudyRecord:
    """Make every trial of a grid of methods, spaces, data sets, seeds and settings, and put them into tables.

    Every trial is an ordinary run in a folder of its own, `trials/KEY`, as `run`, `search` or `train` would make it.
    Trials that have ended are kept: an interrupted or larger study makes what is missing. A trial that fails is
    reported, and the others go on.

    Args:
        what: a ready study by its name (`dartboard.list_studies()`), a YAML file, or what such a file holds; None for
            a study of the other arguments alone, which take the place of what it says.
        layers: settings that all trials share, with nested or dotted keys; later layers win.
        methods: names, with options and settings of their own as in "p-darts{search.layers=5}".
        spaces: search spaces; without any, one that fits all methods.
        data: data sets: paths, "hf:owner/name", "digits", or names in the folder of DARTBOARD_DATA.
        seeds: the number of seeds, the seeds themselves, or a text such as "0-3".
        vary: dotted name of a setting -> the values that it takes in turn.
        choose: choice rule that takes one of the seeds, whose figure stands beside the mean.
        train: "all" architectures are trained and tested, only the "chosen" one of every method, or "none".
        transfer: pairs "A:B": what is searched on A is trained and tested on B.
        scale: share of all lengths that is done.
        skip_unfit: leave out methods in spaces that they do not fit, and make a method once that a varied setting
            changes nothing for.
        workers: trials at a time, each in a process of its own; None for as many as this machine carries, 0 makes them
            in this process, which knows what a script has registered.
        state: URL of a database that knows what every trial is at, for studies on several hosts; None for a file in
            the directory of the study.
        cluster: "ray", "ray:ADDRESS" or "slurm"; None for this machine.
        retries: how often a trial that failed is tried again.
        join: folder with finished runs made elsewhere; those with the settings and images of a trial take its place.
        out: directory of the study; None makes a new one under `runs/`.
        resume: continue the study in `out`, or begin it there.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary, as in `table.json`; `report.html` and the tables are beside that file.

    Raises:
        DartboardError: the study cannot be carried out; the message is one sentence for the user.
    """
    from dartboard.workflow.studies.joining import join_runs  # databases are slow to import
    from dartboard.workflow.studies.workers import run_trials

    grid = {"methods": methods, "spaces": spaces, "data": data, "seeds": seeds, "vary": vary, "choose": choose}
    asked = _asked(what, layers, {**grid, "train": train, "transfer": transfer}, scale, skip_unfit)
    expanded = expand(asked, command)
    place = Path(out) if out else next_free(Path("runs") / asked.name)
    with observer or fitting_observer() as watching, going_on(place):
        begin_study(expanded, place, resume=resume)
        table, failed = StudyTable(expanded, place.resolve()), dict[str, str]()

        def ended(trial: Trial, reason: str | None) -> None:
            if reason is not None:
                failed[trial.key] = reason
            table.write(failed)
            write_study(place)

        trials = list(table.trials.values())
        if join is not None:
            join_runs(trials, place, Path(join), state_url=state, observer=watching)
            table.write(failed)
            write_study(place)
        failures = run_trials(
            trials,
            place,
            state_url=state,
            workers=workers,
            observer=watching,
            cluster=cluster,
            retries=retries,
            ended=ended,
        )
        failed |= failures
        record = table.write(failed)
        write_study(place)
    return record


def plan_of_study(
    what: Place | Mapping[str, Any] | None = None,
    *layers: Layer,
    scale: float | None = None,
    skip_unfit: bool | None = None,
    out: Place | None = None,
    observer: Observer | None = None,
    **grid: Any,
) -> StudyPlan:
    """Plan what `study` would make, and what that costs on this machine; nothing is kept.

    Args:
        what: as in `study`.
        layers: as in `study`.
        scale: as in `study`.
        skip_unfit: as in `study`.
        out: directory of a study that would go on; its trials that have ended cost nothing.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        grid: methods, spaces, data, seeds, vary, choose, train and transfer, as in `study`.

    Returns:
        The trials by kind, their seconds by the speed of a few steps, and their bytes on disk.

    Raises:
        DartboardError: the study cannot be carried out; the message is one sentence for the user.
    """
    expanded = expand(_asked(what, layers, grid, scale, skip_unfit))
    folder = Path(out) if out and Study.exists(Path(out)) else None
    trials = [Trial.from_json(trial) for trial in expanded.trials]
    if folder:
        table = StudyTable(expanded, folder.resolve())
        table.refresh()
        trials = table.missing()
    with observer or fitting_observer() as watching:
        return plan_study(expanded, trials, folder, watching)


def _asked(
    what: Place | Mapping[str, Any] | None,
    layers: Sequence[Layer],
    grid: Mapping[str, Any],
    scale: float | None,
    skip_unfit: bool | None,
) -> StudyRequest:
    """The study that is asked for: a ready one, a file or neither, with what the arguments change."""
    content, name, source = _content(what)
    changes = {key: value for key, value in grid.items() if value is not None}
    given = merged(RunSettings, *map(migrate, layers))
    if given:
        changes["settings"] = given
    asked = request({"source": source, **content}, name=name, changes=changes)
    told = {"scale": scale, "skip_unfit": skip_unfit}
    update = {key: value for key, value in told.items() if value is not None}
    if scale is not None and not 0 < scale <= 1:
        raise SettingsError(f"the scale {scale:g} is no share of the lengths; give one above 0 and up to 1.")
    return asked.model_copy(update=update)


def _content(what: Place | Mapping[str, Any] | None) -> tuple[Mapping[str, Any], str, str]:
    """What a study holds, its name, and the paper whose protocol it is."""
    if what is None:
        return {}, "study", ""
    if isinstance(what, Mapping):
        return what, str(what.get("name", "study")), ""
    path = Path(what)
    if path.suffix.lower() in (".yaml", ".yml", ".json") or path.is_file():
        return read_settings_file(path), path.stem, ""
    entry = READY_STUDIES[str(what)]
    return READY_STUDIES.made(entry.name, entry.factory), entry.name, entry.paper
