"""Several processes that share the work of one search without a supernet, by a study in a database.

All of them run the same search with the same seed. Whoever claims an architecture first evaluates it, and the others
take what comes of it. So nothing is evaluated twice, and since proposals depend on the pool and the seed alone, every
process ends with the same pool, whatever their number. A training that has paused is continued by the process that
began it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from dartboard.engine.discrete import DiscreteProblem, Evaluation, Evaluator
from dartboard.errors import NonFiniteLossError, StorageError
from dartboard.parts.discrete import NSGA2, TPE, DiscreteSearch, Member, Pool
from dartboard.parts.discrete.samplers.optuna_trials import missing_optuna
from dartboard.session.discrete_study import SearchStudy, Trial, open_study, worker_name
from dartboard.session.session import Session
from dartboard.space import Genotype
from dartboard.wording import duration

__all__ = ["SharedEvaluator", "sharing"]

_POLL_SECONDS = 1.0
_PATIENCE = 12 * 3600.0
"""Seconds after which a process no longer waits for an evaluation elsewhere."""


@contextmanager
def sharing(session: Session, problem: DiscreteProblem, search: DiscreteSearch) -> Iterator[DiscreteProblem]:
    """The problem of a search whose evaluations go through the study that the settings name, if they name one.

    Args:
        session: of the search.
        problem: of the search.
        search: sampler and schedule of the method.

    Raises:
        StorageError: the database cannot be used, or its study belongs to another search.
    """
    url = _url(session, search)
    if url is None:
        yield problem
        return
    facts = _facts(session, problem, search)
    name = session.settings.search.study or _name(facts)
    study = open_study(url, name, facts, problem.space, worker_name(session.run.path))
    shared = SharedEvaluator(problem.evaluator, study, search.schedule.epochs, session.observer.note)
    if (pool := Pool.find(session.run.path)) is not None:
        shared.adopt(pool)
    yield replace(problem, evaluator=shared)
    shared.close()


def _url(session: Session, search: DiscreteSearch) -> str | None:
    """The URL of the storage; None where the pool in the run directory is enough."""
    settings = session.settings.search
    asked = settings.storage
    if asked is None:
        by_optuna = isinstance(search.sampler, TPE | NSGA2) and not missing_optuna("")
        asked = "sqlite" if by_optuna and settings.evaluate == "training" else "none"
    if asked == "sqlite":
        return f"sqlite:///{session.run.path.resolve() / 'study.db'}"
    return None if asked == "none" else asked


def _facts(session: Session, problem: DiscreteProblem, search: DiscreteSearch) -> dict[str, Any]:
    """What runs must have in common to share a study; plain data, so that a database gives them back as they are."""
    settings = session.settings
    return {
        "method": settings.method.name,
        "space": problem.space.name,
        "seed": settings.seed,
        "data": session.dataset.name,
        "evaluation": problem.evaluator.name,
        "levels": ", ".join(map(str, search.schedule.epochs)),
        "search": _digest(search, settings.search.model_dump(exclude={"storage", "study", "seconds"})),
        "images": _digest(settings.split_seed, len(session.splits.train), settings.train.model_dump()),
    }


def _name(facts: dict[str, Any]) -> str:
    return f"{facts['method']}-{facts['space']}-{facts['seed']}-{_digest(facts)}"


def _digest(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:8]


def _say_nothing(sentence: str) -> None:
    """Keep a sentence to oneself."""


@dataclass
class SharedEvaluator:
    """An evaluator that looks into a study before it evaluates, and writes there what it has found.

    Attributes:
        inner: what evaluates.
        study: where results are shared.
        epochs: after which trainings pause, level by level.
        note: tells the user something.
        sleep: waits so many seconds.
    """

    inner: Evaluator
    study: SearchStudy
    epochs: Sequence[int]
    note: Callable[[str], None] = _say_nothing
    sleep: Callable[[float], None] = time.sleep
    _unwritten: list[tuple[Genotype, int, Evaluation]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """That of the evaluator within."""
        return self.inner.name

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:
        """What the study knows of a member after its next level, or what the evaluation gives if that is ours to do.

        A result that cannot be written is returned all the same, so that the pool has it; the next call tries again.

        Raises:
            StorageError: the database cannot be reached, or another process has evaluated for too long.
            NonFiniteLossError: the training has failed, here or elsewhere.
        """
        self._write()
        genotype, after = member.architecture, epochs[member.level]
        trial, waited = self.study.claim(genotype), 0.0
        while not (trial.is_own or trial.is_known(after)):
            waited = self._wait(member, trial, waited)
            trial = self.study.claim(genotype)
        if after in trial.results:
            return trial.results[after]
        if trial.failure is not None:
            raise NonFiniteLossError(trial.failure)
        try:
            evaluation = self.inner(member, epochs)
        except NonFiniteLossError as error:
            self.study.record_failure(genotype, str(error))
            raise
        self._unwritten.append((genotype, after, evaluation))
        try:
            self._write()
        except StorageError as error:
            self.note(f"{error} What this evaluation has given is in the pool.")
        return evaluation

    def ready_first(self, members: Sequence[Member]) -> list[Member]:
        """The members in the order in which to advance them: those that another process works on come last.

        Raises:
            StorageError: the database cannot be reached.
        """
        trials = self.study.peek([member.architecture for member in members])

        def is_busy(place: int) -> bool:
            trial = trials[place]
            return not (trial is None or trial.is_own or trial.is_known(self.epochs[members[place].level]))

        return [members[place] for place in sorted(range(len(members)), key=is_busy)]

    def adopt(self, pool: Pool) -> None:
        """Write results of the pool that the study lacks, where a database was unreachable or has been made anew.

        Raises:
            StorageError: the database cannot be reached.
        """
        for member in pool.members:
            if not member.level or member.failure is not None:
                continue
            trial = self.study.claim(member.architecture)
            for epochs, accuracy in zip(self.epochs, member.accuracies, strict=False):
                if trial.is_own and epochs not in trial.results:
                    share = Evaluation(accuracy, member.seconds / member.level)
                    self._unwritten.append((member.architecture, epochs, share))
        self._write()

    def close(self) -> None:
        """Write what is left, and mark trainings that did not get to the end.

        Raises:
            StorageError: the database cannot be reached.
        """
        self._write()
        self.study.close()

    def _write(self) -> None:
        while self._unwritten:
            genotype, epochs, evaluation = self._unwritten[0]
            self.study.record(genotype, epochs, evaluation, last=epochs == self.epochs[-1])
            del self._unwritten[0]

    def _wait(self, member: Member, trial: Trial, waited: float) -> float:
        if waited == 0:
            self.note(
                f"Architecture {member.number + 1} is evaluated by the run {trial.worker}, for whose result this run "
                "waits."
            )
        if waited >= _PATIENCE:
            raise StorageError(
                f"the run {trial.worker} has claimed architecture {member.number + 1} in {self.study.place} and gave "
                f"no result in {duration(waited)}; resume that run, or name another study by search.study."
            )
        self.sleep(_POLL_SECONDS)
        return waited + _POLL_SECONDS
