"""The trials of a study as tasks of a Ray cluster, each with its resources, on as many hosts as there are."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

from dartboard.display import VerboseDisplay
from dartboard.errors import SettingsError, StateError
from dartboard.wording import count
from dartboard.workflow.studies.database import STATE_FILE
from dartboard.workflow.studies.processes import host, this_process
from dartboard.workflow.studies.shares import TRIAL_BYTES
from dartboard.workflow.studies.state import Claim, StudyState, Watch
from dartboard.workflow.studies.telling import Telling
from dartboard.workflow.studies.trial import Trial
from dartboard.workflow.studies.worker import Job, work_on

__all__ = ["make_claimed_trial", "run_on_ray"]

_SECONDS_BETWEEN_LOOKS = 1.0
_CONNECT_SECONDS = 10.0
_GRACE = 30.0
_FAULTS = 3
"""So many tasks in a row that end without having begun their trial are no accident."""

Run = Callable[[StudyState, Job, Telling, int | None], None]


def run_on_ray(address: str | None) -> Run:
    """What makes the trials of a study on a Ray cluster.

    Args:
        address: HOST:PORT of the cluster, or "local" to start one on this machine; None for the cluster of
            RAY_ADDRESS, or the one that runs on this machine.

    Raises:
        SettingsError: Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise SettingsError("--cluster ray needs Ray, which is not installed: pip install 'dartboard[ray]'.") from error

    def run(state: StudyState, job: Job, told: Telling, workers: int | None) -> None:
        with _connected(ray, address):
            _Tasks(ray, state, job, told, workers).run()

    return run


def make_claimed_trial(job: Job, url: str, key: str, token: str) -> None:
    """Make one trial in this process of a Ray cluster.

    Args:
        job: what is to be done.
        url: URL of the database.
        key: name of the trial.
        token: name of the claim.

    Raises:
        StateError: the directory of the study is not on this host, or the database does not answer.
    """
    if not (job.folder / STATE_FILE).exists():
        raise StateError(
            f"the directory of the study, {job.folder}, is not there on the host {host()}; put it where all hosts of "
            "the cluster see it under the same name."
        )
    state = StudyState.open(job.folder, url, shared=True)
    try:
        claim = state.claim(token, this_process(), host(), only=key)
        if claim is not None:
            work_on(claim, job, state, VerboseDisplay(Console(stderr=True, width=200)))
    finally:
        state.close()


class _Tasks:
    """Tasks of a Ray cluster, one for each trial that can be made."""

    def __init__(self, ray: Any, state: StudyState, job: Job, told: Telling, workers: int | None) -> None:
        self._ray, self._state, self._job, self._told = ray, state, job, told
        self._nodes = [node for node in ray.nodes() if node["Alive"]]
        self._most = workers or max(1, int(sum(self._cpus(node) for node in self._nodes)) // job.threads)
        self._pending: dict[Any, tuple[Trial, str]] = {}
        self._watch, self._faults = Watch(job.patience), 0

    def run(self) -> None:
        """Let the cluster work until all trials have ended.

        Raises:
            SettingsError: no host has as many cores as a trial needs.
            StateError: the database does not answer, or tasks cannot begin.
        """
        self._check()
        try:
            while not all(each.has_ended for each in self._told.known):
                self._submit()
                ended: list[Any] = []
                if self._pending:
                    ended, _ = self._ray.wait(
                        list(self._pending), num_returns=len(self._pending), timeout=_SECONDS_BETWEEN_LOOKS
                    )
                for reference in ended:
                    self._take(reference)
                if (trials := self._told.look(self._most)) is not None:
                    self._watch.free(self._state, trials)
        finally:
            self._cancel()

    def _check(self) -> None:
        if not any(self._cpus(node) >= self._job.threads for node in self._nodes):
            raise SettingsError(
                f"no host of the Ray cluster has {count(self._job.threads, 'core')} for a trial; ask for fewer "
                "--threads, or add a larger host."
            )
        hosts = {node["NodeManagerHostname"] for node in self._nodes}
        cores = count(int(sum(self._cpus(node) for node in self._nodes)), "core")
        self._told.observer.note(
            f"The Ray cluster has {count(len(self._nodes), 'node')} with {cores}; it makes up to "
            f"{count(self._most, 'trial')} at a time, {count(self._job.threads, 'thread')} each."
        )
        if self._state.database.is_file and len(hosts) > 1:
            self._told.observer.note(
                f"The state of the study is the file {self._state.database.place}: on {count(len(hosts), 'host')} that "
                "is safe only where the locks of their shared folder work; a PostgreSQL database (--state "
                "postgresql://USER@HOST/NAME) is safe."
            )

    @staticmethod
    def _cpus(node: Any) -> float:
        return float(node["Resources"].get("CPU", 0.0))

    def _submit(self) -> None:
        done = {each.key for each in self._told.known if each.status == "done"}
        asked = {trial.key for trial, _ in self._pending.values()}
        for each in self._told.known:
            if each.status != "waiting" or each.key in asked or not self._is_settled(each.trial, done):
                continue
            if len(self._pending) >= self._most:
                return
            token = uuid.uuid4().hex
            # Every trial begins in a process of its own, as those of other workers may have been left in disorder.
            task = self._ray.remote(max_calls=1, max_retries=0, **self._needs(each.trial))(make_claimed_trial)
            self._pending[task.remote(self._job, self._state.database.whole_url, each.key, token)] = (each.trial, token)

    def _is_settled(self, trial: Trial, done: set[str]) -> bool:
        """Whether it can be made, or is to be recorded as failed since one that it needs has failed."""
        failed = {each.key for each in self._told.known if each.status == "failed"}
        return done.issuperset(trial.needs) or bool(failed.intersection(trial.needs))

    def _needs(self, trial: Trial) -> dict[str, Any]:
        """The resources of a trial, as Ray asks for them."""
        on_accelerator = str(trial.settings.get("device", "auto")) != "cpu"
        has_accelerator = any(node["Resources"].get("GPU", 0) >= 1 for node in self._nodes)
        has_memory = any(node["Resources"].get("memory", 0) >= TRIAL_BYTES for node in self._nodes)
        return {
            "num_cpus": self._job.threads,
            **({"num_gpus": 1} if on_accelerator and has_accelerator else {}),
            **({"memory": TRIAL_BYTES} if has_memory else {}),
        }

    def _take(self, reference: Any) -> None:
        """See how a task has ended; what it did itself is in the state already."""
        trial, token = self._pending.pop(reference)
        try:
            self._ray.get(reference)
            self._faults = 0
        except (self._ray.exceptions.NodeDiedError, self._ray.exceptions.RaySystemError):
            self._state.lose(trial.key, token)
            self._told.observer.note(f"The node that made trial {trial.key} has died; another one goes on with it.")
        except self._ray.exceptions.RayTaskError as error:
            self._state.fail(Claim(trial, token), str(error.cause or error), self._job.retries)
            self._faults += 1
            if self._faults >= _FAULTS:
                cause = error.cause or error
                reason = str(cause) if isinstance(cause, StateError) else f"tasks of Ray fail at once: {cause}"
                raise StateError(reason) from error
        except self._ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())[:300].rstrip(".")
            self._state.fail(Claim(trial, token), f"its Ray process has died: {reason}", self._job.retries)

    def _cancel(self) -> None:
        """Interrupt what still runs, and give it time to end in order."""
        if not self._pending:
            return
        try:
            for reference in self._pending:
                self._ray.cancel(reference)
            self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=_GRACE)
        except self._ray.exceptions.RayError:  # the cluster itself has gone
            return


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """A connection to the cluster, which is closed afterwards unless it was there before."""
    if ray.is_initialized():
        yield
        return
    place = address or os.environ.get("RAY_ADDRESS") or "auto"
    _refuse_silence(place)
    try:
        ray.init(address=place, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, TimeoutError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise StateError(_silent(place, reason)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_silence(place: str) -> None:
    """Refuse the address of a host that does not answer, on which Ray would wait for minutes."""
    if place in ("auto", "local"):
        return
    where = urlsplit(place if "//" in place else f"//{place}")
    try:
        with socket.create_connection((where.hostname or "", where.port or 6379), timeout=_CONNECT_SECONDS):
            pass
    except (OSError, ValueError) as error:
        raise StateError(_silent(place, str(error))) from error


def _silent(place: str, reason: str) -> str:
    where = "no Ray cluster runs on this machine" if place == "auto" else f"no Ray cluster answers at {place}"
    return (
        f"{where} ({reason}); start one by ray start --head, name another by --cluster ray:HOST:PORT, or take "
        "--cluster ray:local; what has ended is kept."
    )
