"""The loop of a search without a supernet: the schedule says what comes next, and the pool is written after it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from dartboard.errors import NonFiniteLossError, RunDirectoryError
from dartboard.estimate.proxies import average_rank
from dartboard.parts.discrete import Advance, DiscreteSearch, Member, Pool, Predicting
from dartboard.runs import Evaluated, Event, Observer, RunDirectory, SearchStop, make_generator
from dartboard.space import Genotype, SearchSpace
from dartboard.wording import count, duration, percent

__all__ = ["DiscreteProblem", "Evaluation", "Evaluator", "run_discrete"]


class Evaluation(NamedTuple):
    """What an evaluator says of an architecture.

    Attributes:
        accuracy: on the validation images, as a fraction.
        seconds: that it took.
    """

    accuracy: float
    seconds: float


class Evaluator(Protocol):
    """Trains architectures on to the end of a level, or looks them up."""

    @property
    def name(self) -> str:
        """How it evaluates, for `pool.json`."""
        ...

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:
        """Evaluate an architecture after its next level.

        Args:
            member: of the pool; the training goes on where it has paused.
            epochs: after which trainings pause, level by level.

        Raises:
            NonFiniteLossError: the training failed.
        """
        ...


@dataclass(frozen=True)
class DiscreteProblem:
    """What a search without a supernet works on.

    Attributes:
        space: the search space.
        evaluator: evaluates architectures.
        score: scores architectures by zero-cost proxies, given their names: for each architecture, proxy -> number,
            higher for better.
    """

    space: SearchSpace
    evaluator: Evaluator
    score: Callable[[Sequence[Genotype], Sequence[str]], list[Mapping[str, float]]]


def run_discrete(
    problem: DiscreteProblem,
    search: DiscreteSearch,
    run: RunDirectory,
    *,
    seed: int,
    observer: Observer,
    seconds: float | None = None,
) -> Genotype:
    """Search from the run directory's pool, or from the start, to `genotype.json`.

    Args:
        problem: space and evaluator.
        search: sampler and schedule of the method.
        run: where events, the pool and the genotype go.
        seed: root of every random stream.
        observer: hears of every evaluation.
        seconds: that the search may take; when they are over, the best so far is taken. None: no limit.

    Returns:
        The best architecture at the highest level.

    Raises:
        RunDirectoryError: the pool in the run directory is of another search.
        NonFiniteLossError: the trainings of all architectures failed.
    """
    loop = _Loop(problem, search, run, seed, observer, seconds)
    loop.run_to_end()
    best = loop.pool.best
    if best is None or best.failure:
        failed = next((member.failure for member in loop.pool.members if member.failure), "nothing was evaluated.")
        raise NonFiniteLossError(f"no architecture could be trained: {failed}")
    pool = loop.pool
    saved = pool.epochs_of_full_training - pool.epochs_spent
    after = count(pool.epochs[best.level - 1], "epoch")
    observer.note(
        f"Of {count(len(pool.members), 'architecture')}, number {best.number + 1} is the best after {after} "
        f"({percent(best.accuracies[-1])} of the validation images); all took {count(pool.epochs_spent, 'epoch')}"
        + (f", {saved:,} fewer than if each had been trained to the end." if saved else ".")
    )
    run.write("genotype.json", best.genotype)
    observer.end("search")
    return best.architecture


class _Loop:
    """A search at work; all its state is the pool."""

    def __init__(
        self,
        problem: DiscreteProblem,
        search: DiscreteSearch,
        run: RunDirectory,
        seed: int,
        observer: Observer,
        seconds: float | None,
    ) -> None:
        self.problem, self.search, self.run, self.seed, self.observer = problem, search, run, seed, observer
        epochs, name = search.schedule.epochs, problem.evaluator.name
        self.pool = Pool.find(run.path) or Pool(epochs=epochs, evaluated_by=name)
        if (self.pool.epochs, self.pool.evaluated_by) != (epochs, name) or any(
            member.architecture.space != problem.space.name for member in self.pool.members
        ):
            raise RunDirectoryError(
                f"{run.path / Pool.file} holds the pool of another search; begin a new run with another --out."
            )
        self._forget_unsaved()
        spent = sum(member.seconds for member in self.pool.members)
        self._until = None if seconds is None else time.perf_counter() + seconds - spent

    def run_to_end(self) -> None:
        """Do what the schedule asks for until it asks for nothing, or the time is over."""
        schedule = self.search.schedule
        while (step := schedule.next(self.pool)) is not None:
            if self._is_over():
                return
            if isinstance(step, Advance):
                for number in step.numbers:
                    if self._is_over():
                        return
                    self._evaluate(self.pool.members[number])
            elif not self._propose(step.wanted):
                self.observer.note("The space has no further architectures, so the search ends.")
                return

    def _is_over(self) -> bool:
        if self._until is None or time.perf_counter() < self._until or self.pool.best is None:
            return False
        whole = self.search.schedule.size
        reason = f"the time is over after {len(self.pool.members)} of {count(whole, 'architecture')}"
        self.run.events.append(SearchStop(reason=reason))
        self.observer.note(f"The search stops: {reason}.")
        return True

    def _propose(self, wanted: int) -> bool:
        """Add new architectures to the pool; False if there are none."""
        pool, space, sampler = self.pool, self.problem.space, self.search.sampler
        generator = make_generator(self.seed, "discrete", "propose", len(pool.members))
        proposed = list(sampler.propose(pool, space, wanted * self.search.screened, generator))
        scores: list[Mapping[str, float]] = [{} for _ in proposed]
        if self.search.proxies and proposed:
            scores = self.problem.score(proposed, self.search.proxies)
            places = average_rank([[score[name] for score in scores] for name in self.search.proxies])
            order = sorted(range(len(places)), key=places.__getitem__)[:wanted]
            proposed, scores = [proposed[place] for place in order], [scores[place] for place in order]
        predicted: list[float] = []
        if isinstance(sampler, Predicting):
            again = make_generator(self.seed, "discrete", "propose", len(pool.members))
            predicted = sampler.predict(pool, space, proposed, again)
        update = pool.updates + 1 if predicted else pool.updates
        members = [
            Member(
                number=len(pool.members) + place,
                genotype=genotype.to_json(),
                scores=dict(score),
                predicted=predicted[place] if predicted else None,
                update=update,
            )
            for place, (genotype, score) in enumerate(zip(proposed, scores, strict=True))
        ]
        self._save(pool.joined(*members))
        return bool(members)

    def _evaluate(self, member: Member) -> None:
        started, epochs, failure = time.perf_counter(), self.search.schedule.epochs, None
        try:
            accuracy, seconds = self.problem.evaluator(member, epochs)
        except NonFiniteLossError as error:
            accuracy, seconds, failure = 0.0, time.perf_counter() - started, str(error)
        level = member.level + 1
        event = Evaluated(
            number=member.number,
            level=level,
            epochs=epochs[level - 1],
            accuracy=accuracy,
            seconds=seconds,
            genotype=member.architecture.to_text(),
            failure=failure,
        )
        self.run.events.append(event)
        changes = {
            "accuracies": (*member.accuracies, accuracy),
            "epochs": epochs[level - 1],
            "seconds": member.seconds + seconds,
            "failure": failure,
        }
        self._save(self.pool.with_member(member.model_copy(update=changes)))
        told = f"after {count(event.epochs, 'epoch')} {percent(accuracy)}" if failure is None else failure
        self.observer.measured(
            f"architecture {member.number + 1} {told}, in {duration(seconds)}",
            sum(each.epochs for each in self.pool.members),
            self.search.schedule.total_epochs,
            phase="search",
        )

    def _save(self, pool: Pool) -> None:
        self.pool = pool
        pool.write(self.run.path)

    def _forget_unsaved(self) -> None:
        """Drop events of evaluations that a kill kept from the pool; they are repeated."""
        levels = {member.number: member.level for member in self.pool.members}

        def is_known(event: Event) -> bool:
            return not isinstance(event, Evaluated) or event.level <= levels.get(event.number, 0)

        self.run.events.keep(lambda event: is_known(event) and not isinstance(event, SearchStop))
