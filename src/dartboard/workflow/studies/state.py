"""What every trial of a study is at: waiting, claimed by one process, done or failed; in a database for all processes.

A claim is alive while its process lets the claim's count grow (`StudyState.beat`). Whoever watches compares two looks
at the count by a clock of its own (`Watch`), so that the clocks of the hosts and of the database have no part in it.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Update, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from dartboard.workflow.studies.database import STUDIES, TRIALS, StudyDatabase, as_text
from dartboard.workflow.studies.processes import is_dead, number_here
from dartboard.workflow.studies.trial import Trial

__all__ = ["MOST_LOSSES", "Claim", "StudyState", "TrialState", "Watch"]

Status = Literal["waiting", "running", "done", "failed"]

MOST_LOSSES = 3
"""A trial whose process vanished so often without a word is recorded as failed: it may be what ends its host."""


@dataclass(frozen=True)
class TrialState:
    """What a trial is at.

    Attributes:
        key: name of the trial.
        trial: the trial.
        status: whether it waits, is being worked on, has ended, or has failed for good.
        token: name of the claim, while it is being worked on.
        process: the process that holds the claim, as `processes.this_process` tells it.
        host: name of its host.
        beats: how often the process has said that it lives.
        progress: what it said last.
        failures: how often the trial has failed.
        losses: how often its process has vanished without a word.
        seconds: seconds that the last process took from its claim to the end.
        error: why it failed last.
        origin: folder of the finished run that joined; empty for a trial that was made here.
    """

    key: str
    trial: Trial
    status: Status
    token: str | None
    process: str
    host: str
    beats: int
    progress: Mapping[str, Any]
    failures: int
    losses: int
    seconds: float | None
    error: str
    origin: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in ("done", "failed")

    @property
    def process_number(self) -> int | None:
        """Number of the process that holds the claim; None if it is one of another host."""
        return number_here(self.process)


@dataclass(frozen=True)
class Claim:
    """A trial that one process works on.

    Attributes:
        trial: the trial.
        token: name of the claim; nobody else has it.
    """

    trial: Trial
    token: str


class StudyState:
    """The table of a study's trials.

    Args:
        database: where it is.
    """

    def __init__(self, database: StudyDatabase) -> None:
        self.database = database

    @classmethod
    def open(cls, folder: Path, url: str | None = None, *, shared: bool = False) -> "StudyState":
        """The state of the study in a directory; its tables are made where they are missing.

        Args:
            folder: directory of the study.
            url: URL of the database; None for the one that the study used before, at first a file in its directory.
            shared: whether processes of several hosts may use it.

        Raises:
            SettingsError: the URL cannot be used.
            StateError: the database does not answer.
        """
        return cls(StudyDatabase(url, folder, shared=shared))

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def threads(self, wanted: int) -> int:
        """The threads of every trial, on which results depend: those recorded, or `wanted` if none are yet."""

        def settle(connection: Connection) -> int:
            own = STUDIES.c.study == self.database.study
            connection.execute(update(STUDIES).where(own, STUDIES.c.threads.is_(None)).values(threads=wanted))
            return int(connection.execute(select(STUDIES.c.threads).where(own)).scalar_one())

        return self.database.do(settle)

    def recorded_threads(self) -> int | None:
        """The threads of every trial; None before the first trial."""
        own = select(STUDIES.c.threads).where(STUDIES.c.study == self.database.study)
        return self.database.do(lambda connection: connection.execute(own).scalar())

    def enroll(self, trials: Sequence[Trial], *, again: bool = False, lost: Collection[str] = ()) -> None:
        """Let the study consist of these trials; what is known of them stays.

        Args:
            trials: the trials, in the order in which they are to be made; each after those that it needs.
            again: whether trials that have failed for good wait again.
            lost: keys of trials that are done by the table and whose results are gone; they wait again.

        Raises:
            ValueError: a trial needs one that is not among them.
        """
        keys = {trial.key for trial in trials}
        for trial in trials:
            if unknown := [key for key in trial.needs if key not in keys]:
                raise ValueError(f"the trial {trial.key} needs {unknown[0]}, which is not in the study")

        def write(connection: Connection) -> None:
            connection.execute(self._change().values(position=None))
            insert = sqlite.insert if self.database.is_file else postgresql.insert
            for position, trial in enumerate(trials):
                told = {"position": position, "trial": as_text(trial.to_json())}
                new = {"study": self.database.study, "key": trial.key, "status": "waiting", **told}
                index = [TRIALS.c.study, TRIALS.c.key]
                connection.execute(insert(TRIALS).values(**new).on_conflict_do_update(index_elements=index, set_=told))
            fresh = {"status": "waiting", "failures": 0, "losses": 0, "error": "", "token": None}
            if again:
                connection.execute(self._change(TRIALS.c.status == "failed").values(**fresh))
            for key in lost:
                gone = self._change(TRIALS.c.key == key, TRIALS.c.status == "done")
                connection.execute(gone.values(**fresh, origin=""))

        self.database.do(write)

    def trials(self) -> list[TrialState]:
        """What the trials of the study are at, in their order."""
        return self.database.do(self._rows)

    def without_results(self, folder: Path) -> list[str]:
        """Keys of the trials that are done by the table, and whose results are gone.

        Args:
            folder: directory of the study.
        """
        done = [each.trial for each in self.trials() if each.status == "done"]
        return [trial.key for trial in done if not (folder / trial.folder / "result.json").exists()]

    def claim(self, token: str, process: str, host: str, only: str | None = None) -> Claim | None:
        """Take the first trial that waits and whose needs are done; nobody else gets it meanwhile.

        Trials that need a failed one are recorded as failed.

        Args:
            token: a name for the claim.
            process: the process that takes it, as `processes.this_process` tells it.
            host: name of its host.
            only: key of the one trial that may be taken; None for any.

        Returns:
            The claim, or None if no trial can be taken now.
        """

        def take(connection: Connection) -> Claim | None:
            rows = self._settled(connection)
            done = {row.key for row in rows if row.status == "done"}
            for row in rows:
                if row.status != "waiting" or not done.issuperset(row.trial.needs) or only not in (None, row.key):
                    continue
                taken = self._change(TRIALS.c.key == row.key, TRIALS.c.status == "waiting").values(
                    status="running", token=token, process=process, host=host, beats=0, progress="{}"
                )
                if connection.execute(taken).rowcount == 1:
                    return Claim(row.trial, token)
            return None

        return self.database.do(take)

    def beat(self, claim: Claim, progress: Mapping[str, Any]) -> bool:
        """Say that the process lives, and how far it is; False if the claim is no longer its own."""
        return self._end(claim, beats=TRIALS.c.beats + 1, progress=as_text(progress))

    def finish(self, claim: Claim, seconds: float | None, origin: str = "") -> bool:
        """The trial has ended; False if the claim was no longer one's own.

        Args:
            claim: the claim.
            seconds: seconds since the claim; None where the work was done elsewhere.
            origin: folder of the finished run that joined; empty for a trial that was made here.
        """
        return self._end(claim, status="done", token=None, error="", seconds=seconds, origin=origin)

    def release(self, claim: Claim) -> bool:
        """The work was interrupted and goes on later; that is no failure."""
        return self._end(claim, status="waiting", token=None)

    def fail(self, claim: Claim, error: str, retries: int) -> bool:
        """The trial has failed: it waits again, or is recorded as failed where it was tried again `retries` times."""

        def write(connection: Connection) -> bool:
            own = self._own(claim.trial.key, claim.token)
            failed = connection.execute(select(TRIALS.c.failures).where(own)).scalar()
            if failed is None:
                return False
            status = "failed" if failed >= retries else "waiting"
            told = {"status": status, "failures": failed + 1, "error": error, "token": None}
            return connection.execute(update(TRIALS).where(own).values(**told)).rowcount == 1

        return self.database.do(write)

    def lose(self, key: str, token: str, beats: int | None = None) -> bool:
        """The process of a claim is dead; the trial waits again, but not for ever.

        Args:
            key: name of the trial.
            token: name of the claim.
            beats: its count as it was seen; if it has grown since, the claim stays.
        """

        def write(connection: Connection) -> bool:
            own = self._own(key, token)
            if beats is not None:
                own = and_(own, TRIALS.c.beats == beats)
            losses = connection.execute(select(TRIALS.c.losses).where(own)).scalar()
            if losses is None:
                return False
            told: dict[str, Any] = {"status": "waiting", "losses": losses + 1, "token": None}
            if losses + 1 >= MOST_LOSSES:
                told |= {
                    "status": "failed",
                    "error": f"its process vanished {MOST_LOSSES} times without a word, as one does that is killed for "
                    "lack of memory",
                }
            return connection.execute(update(TRIALS).where(own).values(**told)).rowcount == 1

        return self.database.do(write)

    def _change(self, *conditions: ColumnElement[bool]) -> Update:
        return update(TRIALS).where(TRIALS.c.study == self.database.study, *conditions)

    def _own(self, key: str, token: str) -> ColumnElement[bool]:
        mine = and_(TRIALS.c.study == self.database.study, TRIALS.c.key == key)
        return and_(mine, TRIALS.c.status == "running", TRIALS.c.token == token)

    def _end(self, claim: Claim, **values: Any) -> bool:
        changed = update(TRIALS).where(self._own(claim.trial.key, claim.token)).values(**values)
        return self.database.do(lambda connection: connection.execute(changed).rowcount == 1)

    def _rows(self, connection: Connection) -> list[TrialState]:
        asked = (TRIALS.c.study == self.database.study, TRIALS.c.position.is_not(None))
        return [
            _state_of(dict(row._mapping))
            for row in connection.execute(select(TRIALS).where(*asked).order_by("position"))
        ]

    def _settled(self, connection: Connection) -> list[TrialState]:
        """The trials, after those that need a failed one have been recorded as failed too."""
        rows = self._rows(connection)
        failed = {row.key for row in rows if row.status == "failed"}
        changed = False
        for row in rows:
            if row.status == "waiting" and (missing := failed.intersection(row.trial.needs)):
                told = {"status": "failed", "error": f"it needs the trial {min(missing)}, which has failed"}
                connection.execute(self._change(TRIALS.c.key == row.key).values(**told))
                failed.add(row.key)
                changed = True
        return self._rows(connection) if changed else rows


def _state_of(row: Mapping[str, Any]) -> TrialState:
    names = ("key", "status", "token", "process", "host", "beats", "failures", "losses", "seconds", "error", "origin")
    told = {name: row[name] for name in names}
    return TrialState(**told, trial=Trial.from_json(json.loads(row["trial"])), progress=json.loads(row["progress"]))


@dataclass
class Watch:
    """Finds claims whose process is dead.

    On its own host a process can be looked at; of all others the count must grow.

    Attributes:
        patience: seconds, by the clock of this process, after which a count that does not grow tells of death.
        clock: that clock; it only counts forward.
    """

    patience: float
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[str, int, float]] = field(default_factory=dict)

    def dead(self, trials: Iterable[TrialState]) -> list[TrialState]:
        """Those of the trials that are claimed by a dead process."""
        now, found = self.clock(), []
        for each in trials:
            if each.status != "running" or each.token is None:
                self._seen.pop(each.key, None)
                continue
            token, beats, since = self._seen.get(each.key, ("", -1, now))
            if (token, beats) != (each.token, each.beats):
                self._seen[each.key] = (each.token, each.beats, now)
                since = now
            if is_dead(each.process) or now - since > self.patience:
                found.append(each)
        return found

    def free(self, state: StudyState, trials: Iterable[TrialState]) -> list[TrialState]:
        """Let the trials wait again that are claimed by a dead process, and return these trials."""
        dead = [each for each in self.dead(trials) if each.token]
        return [each for each in dead if each.token and state.lose(each.key, each.token, each.beats)]
