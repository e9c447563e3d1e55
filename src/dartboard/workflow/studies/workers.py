"""The trials of a study in worker processes: started, watched, replaced when they die, and ended in order."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dartboard.errors import Interrupted, SettingsError, StateError
from dartboard.processors import thread_environment
from dartboard.runs import Observer
from dartboard.wording import listing
from dartboard.workflow.studies.cluster import cluster_named
from dartboard.workflow.studies.shares import Shares, share_out, this_machine
from dartboard.workflow.studies.state import Claim, StudyState, TrialState, Watch
from dartboard.workflow.studies.telling import Ended, Telling, failures_of
from dartboard.workflow.studies.trial import Trial
from dartboard.workflow.studies.worker import AFRESH, PATIENCE, RUNNER, STATE_VARIABLE, Job, work

__all__ = ["run_trials"]

LOGS = "logs"
"""Folder of the logs of the workers in the directory of a study."""

_SECONDS_BETWEEN_LOOKS = 0.5
_GRACE = 30.0
"""Seconds for a worker to end in order before it is killed."""

_DEATHS = 3
"""So many workers in a row that end without having begun a trial are no accident."""


def run_trials(
    trials: Sequence[Trial],
    study_folder: Path,
    *,
    state_url: str | None = None,
    workers: int | None = None,
    threads: int | None = None,
    observer: Observer | None = None,
    cluster: str | None = None,
    retries: int = 1,
    again: bool = True,
    ended: Ended | None = None,
    runner: str = RUNNER,
    patience: float = PATIENCE,
) -> dict[str, str]:
    """Make the trials of a study that are missing, in worker processes or on a cluster, and nothing else.

    Several processes on several hosts may do so at once with the same trials. A trial that fails is tried again, then
    recorded with its error, and the others go on. Results do not depend on the number of workers.

    Args:
        trials: the trials of the study, each after those that it needs.
        study_folder: directory of the study.
        state_url: URL of the database for the state of the study, PostgreSQL or SQLite; None for the one that the study
            used before, at first a file in its directory.
        workers: trials at a time on this machine; None for as many as it carries; 0 makes them in this process, which
            knows what a script has registered.
        threads: threads of each trial; None for those that the study began with, at first the share of a worker.
        observer: is told about progress.
        cluster: "ray" (or "ray:ADDRESS") for the hosts of a Ray cluster, "slurm" for a job script; None for none.
        retries: how often a trial that failed is tried again.
        again: whether trials that were recorded as failed are made again.
        ended: is called for every trial that ends meanwhile, with the reason if it failed.
        runner: the function that makes a trial, as MODULE:NAME.
        patience: seconds after which a claim of another host whose count does not grow is that of a dead process.

    Returns:
        Key of each trial that failed -> the reason.

    Raises:
        SettingsError: a number, the URL or the cluster cannot be used.
        StateError: the database or the cluster does not answer.
        Interrupted: the work was interrupted; what has ended is kept, and what was begun goes on later.
    """
    if retries < 0:
        raise SettingsError(f"a trial cannot be tried again {retries} times; correct --retries.")
    if cluster is not None and workers == 0:
        raise SettingsError("0 workers make trials in this process, and a cluster in others; leave out one of both.")
    chosen = None if cluster is None else cluster_named(cluster)
    study_folder.mkdir(parents=True, exist_ok=True)
    state = StudyState.open(study_folder, state_url, shared=chosen is not None)
    try:
        state.enroll(trials, again=again, lost=state.without_results(study_folder))
        told = Telling(state, observer or Observer(), ended)
        devices = [str(trial.settings.get("device", "auto")) for trial in trials]
        recorded = state.recorded_threads()
        at_once = max(1, sum(not each.has_ended for each in told.known))
        shares = share_out(this_machine(devices), at_once, workers=workers or None, threads=threads, recorded=recorded)
        job = Job(study_folder.resolve(), state.threads(shares.threads), retries, patience, runner)
        told.begin()
        if all(each.has_ended for each in told.known):
            return failures_of(told.known)
        if chosen is not None:
            chosen(state, job, told, workers)
        elif workers == 0:
            work_here(job, state, told)
        else:
            told.observer.note(f"The study makes {shares.reason}")
            _Workers(state, job, replace(shares, threads=job.threads), told).run()
        told.look()
    except KeyboardInterrupt as error:
        raise Interrupted(study_folder) from error
    finally:
        state.close()
    return failures_of(told.known)


def work_here(job: Job, state: StudyState, told: Telling) -> None:
    """Make the trials one after the other in this process."""
    while work(job, state, told.observer) == AFRESH:
        told.look()


class _Workers:
    """Worker processes of this machine, one for each share of it."""

    def __init__(self, state: StudyState, job: Job, shares: Shares, told: Telling) -> None:
        self._state, self._job, self._shares, self._told = state, job, shares, told
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._stillborn = 0
        self._watch = Watch(job.patience)

    def run(self) -> None:
        """Let them work until all trials have ended.

        Raises:
            StateError: the database does not answer, or workers cannot start.
        """
        try:
            trials = self._told.known
            while not all(each.has_ended for each in trials):
                self._staff(trials)
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                looked = self._told.look(self._shares.workers)
                if looked is None:
                    continue
                trials = looked
                if self._take_leave(trials) or self._watch.free(self._state, trials):
                    trials = self._told.look(self._shares.workers) or trials
        finally:
            self._end()

    def _staff(self, trials: Sequence[TrialState]) -> None:
        """Start workers for the places that have none, as long as there is something for them to do."""
        waiting = sum(each.status == "waiting" for each in trials)
        idle = len(self._processes) - sum(each.process_number in self._numbers for each in trials)
        for place in range(self._shares.workers):
            if place not in self._processes and waiting > idle:
                self._processes[place] = self._start(place)
                idle += 1

    @property
    def _numbers(self) -> set[int]:
        return {each.pid for each in self._processes.values()}

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **thread_environment(self._job.threads)}
        environment[STATE_VARIABLE] = self._state.database.whole_url
        if accelerator := self._shares.accelerators[place]:
            environment["CUDA_VISIBLE_DEVICES"] = accelerator
        log = self._log(place)
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as stream:
            started = subprocess.Popen(
                [sys.executable, "-m", Job.__module__, *self._job.arguments(), f"--parent={os.getpid()}"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal is for this process, which ends them in order
            )
        if hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # it may have ended already
                os.sched_setaffinity(started.pid, self._shares.cores[place])
        return started

    def _log(self, place: int) -> Path:
        return self._job.folder / LOGS / f"worker-{place}.log"

    def _take_leave(self, trials: Sequence[TrialState]) -> bool:
        """Record the trials of the workers that have died, so that others take their places; whether there are any."""
        ended = {place: code for place, each in self._processes.items() if (code := each.poll()) is not None}
        trials = self._state.trials() if ended else trials  # as they are now that these no longer change them
        for place, code in ended.items():
            number = self._processes.pop(place).pid
            own = [each for each in trials if each.status == "running" and each.process_number == number]
            for each in own:
                claim = Claim(each.trial, each.token or "")
                self._state.fail(claim, _why(code, self._log(place)), self._job.retries)
            self._stillborn = 0 if own or code in (0, AFRESH) else self._stillborn + 1
            if self._stillborn >= _DEATHS:
                raise StateError(
                    f"the worker processes of the study end before they begin a trial ({_why(code, self._log(place))}"
                    "); mend that, and give the same command again: what has ended is kept."
                )
        return bool(ended)

    def _end(self) -> None:
        """End all workers in order; kill those that take too long."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + _GRACE
        for process in self._processes.values():
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _why(code: int, log: Path) -> str:
    """Why a worker ended, as the middle of a sentence."""
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as the system does for lack of memory; fewer --workers need less"
    if code < 0:
        return f"its process was ended by the signal {signal.Signals(-code).name}; its log is {log}"
    with log.open(encoding="utf-8", errors="replace") as lines:
        last = listing(line.strip() for line in deque(lines, 1))
    return f"its process ended with the exit code {code}; the last line of {log} is '{last[:300]}'"
