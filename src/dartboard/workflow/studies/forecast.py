"""What a study costs on this machine: its trials, their hours by the speed of a few steps, and their bytes on disk."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from dartboard.budget import expected_seconds
from dartboard.budget.typical import typical_genotype
from dartboard.config import Settings
from dartboard.devices import device_name
from dartboard.errors import DartboardError
from dartboard.records import Study
from dartboard.runs import Observer
from dartboard.session import Session
from dartboard.session.search import only_draws
from dartboard.session.sizes import network_plan
from dartboard.settings import RunSettings, Step, search_request
from dartboard.space import get_space, network_cost
from dartboard.wording import count
from dartboard.workflow.opening import opened
from dartboard.workflow.studies.trial import Trial

__all__ = ["PlannedKind", "StudyPlan", "plan_study"]

_STEPS: Mapping[str, tuple[Step, ...]] = {
    "run": ("search", "train"),
    "search": ("search",),
    "train": ("train",),
    "short-train": ("train",),
}
_SECONDS = 30.0
"""Time for the timing of steps; what is left then is estimated from what was timed."""

_LEAST_BYTES = 400_000
"""Report, events and the like of a trial."""

_COPIES, _BYTES = 3, 4
"""A checkpoint holds weights and their momentum, and a trained network is there once more; of four bytes each."""


class PlannedKind(Settings):
    """Trials that differ in nothing but the seed."""

    what: str
    """What they do, and with what."""

    trials: int
    """Their number."""

    seconds: float
    """Seconds of one."""

    measured: bool
    """Whether steps of one were timed here; else its seconds follow from one that was."""

    size: int
    """Bytes of one on disk."""


class StudyPlan(Settings):
    """What `dartboard study --dry-run` prints."""

    name: str
    """Name of the study."""

    source: str
    """The paper whose protocol it is."""

    notes: tuple[str, ...]
    """Sentences about the study and its tables, such as how its lengths differ from those of the paper."""

    tables: dict[str, int]
    """Title of each table -> its number of rows."""

    kinds: tuple[PlannedKind, ...]
    """The trials that are missing, by kind."""

    trials: int
    """Number of trials of the whole study."""

    done: int
    """Number of trials that have ended already."""

    seconds: float
    """Seconds of the trials that are missing, one after the other."""

    size: int
    """Bytes of all of them on disk."""

    device: str
    """Device that was timed."""

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data for JSON."""
        return self.model_dump(mode="json")


def plan_study(study: Study, missing: Sequence[Trial], study_folder: Path | None, observer: Observer) -> StudyPlan:
    """Time some steps of each kind of trial that is missing; nothing is kept.

    Args:
        study: the study.
        missing: its trials that have not ended.
        study_folder: directory of the study, where it has one.
        observer: is told what is timed.

    Raises:
        DartboardError: a data set cannot be read, or a network does not fit its images.
    """
    kinds: dict[str, list[Trial]] = {}
    for trial in missing:
        kinds.setdefault(_kind(trial), []).append(trial)
    planned, device = list[PlannedKind](), ""
    observer.note(f"Some steps are timed for {count(len(kinds), 'kind')} of trials.")
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="dartboard-study-") as place:
        sessions, clock = _Sessions(stack, Path(place), observer), _Stopwatch()
        for number, (kind, trials) in enumerate(kinds.items(), 1):
            session = sessions.of(trials[0], study_folder)
            device = device_name(session.device)
            seconds, measured = clock.seconds(session, _STEPS[trials[0].task])
            size = _size(session, trials[0])
            planned.append(
                PlannedKind(what=kind, trials=len(trials), seconds=round(seconds, 1), measured=measured, size=size)
            )
            observer.measured(kind, number, len(kinds))
    return StudyPlan(
        name=study.name,
        source=study.source,
        notes=(*study.notes, *dict.fromkeys(note for block in study.blocks for note in block.notes)),
        tables=_tables(study),
        kinds=tuple(planned),
        trials=len(study.trials),
        done=len(study.trials) - len(missing),
        seconds=round(sum(each.trials * each.seconds for each in planned), 1),
        size=sum(each.trials * each.size for each in planned),
        device=device,
    )


def _tables(study: Study) -> dict[str, int]:
    rows: dict[str, int] = {}
    for block in study.blocks:
        pair = block.data if block.data == block.tested_on else f"{block.data} to {block.tested_on}"
        title = ": ".join(filter(None, (block.title, f"{block.space} on {pair}")))
        rows[title] = rows.get(title, 0) + len(block.rows)
    return rows


def _kind(trial: Trial) -> str:
    """What a trial does and with what, without its seed; trials of one kind cost the same."""
    own = {name: label for name, label in trial.labels.items() if name not in ("seed", "chosen by")}
    further = [f"{name}={own.pop(name)}" for name in [*own] if name not in ("method", "space", "data")]
    place = f"{own['method']} in {own['space']} on {own['data']}"
    return ", ".join([f"{trial.task}: {place}", *further])


class _Sessions:
    """Sessions of trials; those on the same images with the same split share what was read.

    Args:
        stack: closes them.
        place: a folder for run directories that are not kept.
        observer: is told of the reading.
    """

    def __init__(self, stack: ExitStack, place: Path, observer: Observer) -> None:
        self._stack, self._place, self._observer = stack, place, observer
        self._open: dict[str, Session] = {}

    def of(self, trial: Trial, study_folder: Path | None) -> Session:
        """The session of a trial; nothing is recorded in it."""
        settings = trial.settings_at(study_folder)
        request = search_request(None, (settings,), ("search", "train"))
        data = {"source": settings.get("source"), "data": settings.get("data"), "seed": request.asked.split_seed}
        key = repr((data, request.is_open and settings))
        if key not in self._open:
            folder = self._place / f"run-{len(self._open)}"
            self._open[key] = self._stack.enter_context(opened(None, request, folder, False, self._observer))
            return self._open[key]
        session = self._open[key]
        return session if request.is_open else replace(session, settings=request.resolved(), timed={}, expected={})


class _Stopwatch:
    """Times steps, each kind of them once; what a training takes does not depend on the method."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._timed: dict[tuple[Step, str], tuple[float, float]] = {}
        """Step and what it is -> seconds and work of the one that was timed."""

    def seconds(self, session: Session, steps: Sequence[Step]) -> tuple[float, bool]:
        """Seconds of these steps of a trial, and whether all of them were timed, perhaps at another length."""
        costs = [self._of_step(session, step) for step in steps]
        return sum(seconds for seconds, _ in costs), all(measured for _, measured in costs)

    def _of_step(self, session: Session, step: Step) -> tuple[float, bool]:
        settings = session.settings
        if step == "search" and only_draws(settings):
            return 0.0, True
        key, work = (step, _without_length(settings, step)), _work(settings, step)
        others = [timed for (other, _), timed in self._timed.items() if other == step]
        if key not in self._timed:
            # The first of every step is timed however long that takes, since others follow from it.
            if others and time.perf_counter() - self._started > _SECONDS:
                return others[0][0] * work / others[0][1], False
            typical = typical_genotype(session) if step == "train" else None
            self._timed[key] = sum(expected_seconds(session, (step,), typical).values()), work
        seconds, timed = self._timed[key]
        return seconds * work / timed, True


def _without_length(settings: RunSettings, step: Step) -> str:
    """What determines the seconds of a step of a search or a training, as text: all settings of it but its length."""
    group = settings.search if step == "search" else settings.train
    own = group.model_dump(mode="json", exclude={"epochs", "images", "runs"})
    method = settings.method.model_dump(mode="json") if step == "search" else None
    return repr((settings.source, settings.data.model_dump(mode="json"), settings.space, method, own))


def _work(settings: RunSettings, step: Step) -> float:
    """Epochs by layers by the square of the width: a rough measure of work, which is exact between lengths."""
    group = settings.search if step == "search" else settings.train
    networks = settings.train.runs if step == "train" else 1
    length = group.epochs if group.epochs is not None else group.images / 10_000
    return float(networks * length * group.layers * group.init_channels**2)


def _size(session: Session, trial: Trial) -> int:
    """Bytes of checkpoints and networks of a trial; 0 weights where a network cannot be built."""
    weights, steps = 0, _STEPS[trial.task]
    space, image = get_space(session.settings.space), session.dataset.image_shape[1:]
    genotype = typical_genotype(session)
    try:
        if "train" in steps:
            trained = network_cost(space, genotype, network_plan(session, "train"), image).parameters
            weights += session.settings.train.runs * trained
        if "search" in steps and not only_draws(session.settings):
            plan = network_plan(session, "search")
            # A supernet has every operation on every edge where an architecture has one on those that it keeps.
            kept = max(1, sum(len(cell.choices) for _, cell in genotype.cells))
            edges = len(space.cell.edges) * len(space.cell_kinds)
            weights += round(network_cost(space, genotype, plan, image).parameters * len(space.ops) * edges / kept)
    except DartboardError:
        weights = 0
    return _LEAST_BYTES + _COPIES * _BYTES * weights
