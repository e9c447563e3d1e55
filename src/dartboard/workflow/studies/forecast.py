"""What a study costs on this machine: its trials, their hours by the speed of a few steps, and their bytes on disk."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dartboard.budget import expected_seconds
from dartboard.budget.planner import typical_genotype
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
from dartboard.wording import count, duration
from dartboard.workflow.opening import opened
from dartboard.workflow.studies.trial import Trial

__all__ = ["PlannedKind", "StudyPlan", "plan_study"]

_STEPS: Mapping[str, tuple[Step, ...]] = {
    "run": ("search", "train"),
    "search": ("search",),
    "train": ("train",),
    "short-train": ("train",),
}
_SECONDS = 120.0
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


@dataclass(frozen=True)
class _Measured:
    """The cost of one trial: seconds and bytes, and the work by which others are estimated."""

    seconds: float
    size: int
    work: float


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
    planned, measured, device = [], dict[str, _Measured](), ""
    started = time.perf_counter()
    observer.note(f"Some steps of {count(len(kinds), 'kind')} of trials are timed.")
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="dartboard-study-") as place:
        sessions = _Sessions(stack, Path(place), observer)
        for number, (kind, trials) in enumerate(kinds.items()):
            session = sessions.of(trials[0], study_folder)
            device = device_name(session.device)
            # The first kind of every task is timed however long that takes, since the others follow from it.
            is_timed = time.perf_counter() - started < _SECONDS or trials[0].task not in measured
            cost = _measure(session, trials[0]) if is_timed else _estimate(session, trials[0], measured)
            if is_timed:
                measured[trials[0].task] = cost
            planned.append(
                PlannedKind(
                    what=kind, trials=len(trials), seconds=round(cost.seconds, 1), measured=is_timed, size=cost.size
                )
            )
            observer.measured(kind, number + 1, len(kinds))
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


def _measure(session: Session, trial: Trial) -> _Measured:
    """Seconds by timing some steps, and bytes by the numbers of weights."""
    seconds = sum(expected_seconds(session, _STEPS[trial.task], _typical(session, trial)).values())
    return _Measured(seconds, _size(session, trial), _work(session.settings, trial.task))


def _typical(session: Session, trial: Trial) -> Any:
    return typical_genotype(session) if "train" in _STEPS[trial.task] else None


def _estimate(session: Session, trial: Trial, measured: Mapping[str, _Measured]) -> _Measured:
    """What another trial of the same task took, by the ratio of their work."""
    like, work = measured[trial.task], _work(session.settings, trial.task)
    return _Measured(like.seconds * work / like.work, _size(session, trial), work)


def _work(settings: RunSettings, task: str) -> float:
    """Epochs by layers by the square of the width, for search and training together: a rough measure of work."""
    search, train = settings.search, settings.train
    space = get_space(settings.space)
    work = 0.0
    if "search" in _STEPS[task] and not only_draws(settings):
        work += (search.epochs or 1) * search.layers * search.init_channels**2 * max(map(len, [space.ops]))
    if "train" in _STEPS[task]:
        work += train.runs * (train.epochs or 1) * train.layers * train.init_channels**2
    return max(work, 1.0)


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


def told_cost(plan: StudyPlan) -> str:
    """The whole cost in one sentence."""
    left = plan.trials - plan.done
    done = f", {plan.done} of {plan.trials} are done already" if plan.done else ""
    return (
        f"{count(left, 'trial')}, about {duration(plan.seconds)} one after the other on {plan.device}, and "
        f"{plan.size / 2**30:.1f} GiB on disk{done}."
    )
