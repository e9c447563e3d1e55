"""Schedules: who is trained, for how long, and in which order; pure functions of the pool."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.discrete.pool import Pool
from dartboard.parts.discrete.protocol import Advance, Propose, Schedule

__all__ = ["Full", "Nosh", "SuccessiveHalving", "check_levels", "unfinished"]


def check_levels(epochs: tuple[int, ...]) -> None:
    """Refuse levels that do not rise.

    Raises:
        RecipeError: there is no level, or one does not come after the one before it.
    """
    if not epochs or epochs[0] < 1 or any(after <= before for before, after in pairwise(epochs)):
        raise RecipeError(
            f"the levels of a search pause trainings after {', '.join(map(str, epochs)) or 'no'} epochs; give rising "
            "numbers of at least 1, such as 10,25,50."
        )


def unfinished(pool: Pool, level: int, count: int) -> tuple[int, ...]:
    """Those of the best `count` members of the level before that have not passed this one; level 1 takes all."""
    before = pool.reached(level - 1)[:count]
    return tuple(member.number for member in before if member.level < level and member.failure is None)


@dataclass(frozen=True)
class Full(Schedule):
    """Every architecture is trained to the end, one after another.

    Attributes:
        members: how many architectures.
        epochs: of each training, the only level.
    """

    members: int
    epochs: tuple[int, ...]

    def __post_init__(self) -> None:
        check_levels(self.epochs)

    @property
    @override
    def size(self) -> int:
        """Members of the pool in the end."""
        return self.members

    @property
    @override
    def total_epochs(self) -> int:
        """Epochs of all trainings together."""
        return self.members * self.epochs[-1]

    @override
    def next(self, pool: Pool) -> Propose | Advance | None:
        if waiting := unfinished(pool, 1, len(pool.members)):
            return Advance(waiting, 1)
        left = self.members - len(pool.members)
        return Propose(1) if left > 0 else None

    @override
    def shrunk(self, share: float) -> "Full":
        return replace(self, members=max(2, round(share * self.members)))


@dataclass(frozen=True)
class Nosh(Schedule):
    """Non-uniform successive halving (RANK-NOSH, arXiv:2108.08019): weak architectures pause and stay in the pool.

    A start of `start` architectures is trained to the first level; of those at a level, the best `share` go on to the
    next. At every update `added` new ones are trained to the first level, and the best `share` of as many residents of
    each level go on, new and old together: of the first level floor(share x added), of the second
    floor(share^2 x added), and so on. The search ends when the pool holds `members`.

    Attributes:
        epochs: after which trainings pause, level by level.
        share: of the architectures that go on.
        start: architectures before the first update.
        added: architectures of every update.
        members: architectures in the end.
    """

    epochs: tuple[int, ...] = (10, 25, 50)
    share: float = 0.5
    start: int = 32
    added: int = 8
    members: int = 96

    def __post_init__(self) -> None:
        check_levels(self.epochs)
        if not 0 < self.share < 1:
            raise RecipeError(f"a share of {self.share:g} goes on to the next level; give one between 0 and 1.")

    @property
    @override
    def size(self) -> int:
        """Members of the pool in the end."""
        return self.start + self.updates * self.added

    @property
    def updates(self) -> int:
        """Number of updates after the start."""
        return max(0, math.ceil((self.members - self.start) / self.added))

    @property
    @override
    def total_epochs(self) -> int:
        """Epochs of all trainings together."""
        return self._cost(self.start) + self.updates * self._cost(self.added)

    @override
    def next(self, pool: Pool) -> Propose | Advance | None:
        number = len(pool.members)
        if number < self.start:
            return Propose(self.start - number)
        done = (number - self.start) // self.added
        for level in range(1, len(self.epochs) + 1):
            arrived = self._promoted(self.start, level) + done * self._promoted(self.added, level)
            short = arrived - len(pool.reached(level))
            if short <= 0:
                continue
            best = [each for each in pool.residents(level - 1) if each.failure is None][:short]
            if best:
                return Advance(tuple(member.number for member in best), level)
        return Propose(self.added) if done < self.updates else None

    @override
    def shrunk(self, share: float) -> "Nosh":
        least = math.ceil(1 / self.share ** (len(self.epochs) - 1))  # so that one of the start reaches the top
        start, added = max(least, round(share * self.start)), max(1, round(share * self.added))
        return replace(self, start=start, added=added, members=max(start, round(share * self.members)))

    def _promoted(self, number: int, level: int) -> int:
        """How many of so many new architectures reach a level."""
        return math.floor(number * self.share ** (level - 1) + 1e-9)

    def _cost(self, number: int) -> int:
        steps = (after - before for before, after in pairwise((0, *self.epochs)))
        return sum(step * self._promoted(number, level) for level, step in enumerate(steps, start=1))


@dataclass(frozen=True)
class SuccessiveHalving(Schedule):
    """Brackets of successive halving, one after another; several with fewer members and longer starts are Hyperband.

    In a bracket, `members` architectures are trained to its first level, the best 1/`factor` of them to the next, and
    so on to the last level (arXiv:1502.07943; Hyperband: arXiv:1603.06560, algorithm 1).

    Attributes:
        epochs: after which trainings pause, level by level.
        brackets: for each bracket its architectures, and the level to which all of them are trained, from 1 on.
        factor: of the architectures of a level, one in so many goes on.
    """

    epochs: tuple[int, ...]
    brackets: tuple[tuple[int, int], ...]
    factor: int = 3

    def __post_init__(self) -> None:
        check_levels(self.epochs)
        if self.factor < 2:
            raise RecipeError(f"one in {self.factor} goes on to the next level; give a factor of at least 2.")

    @classmethod
    def hyperband(cls, longest: int, factor: int = 3) -> "SuccessiveHalving":
        """All brackets of Hyperband, the one with the most architectures first.

        >>> SuccessiveHalving.hyperband(81).brackets
        ((81, 1), (34, 2), (15, 3), (8, 4), (5, 5))

        Args:
            longest: epochs of a whole training.
            factor: of the architectures of a level, one in so many goes on.
        """
        last = 0
        while factor ** (last + 1) <= longest:
            last += 1
        epochs = tuple(max(1, longest // factor ** (last - level)) for level in range(last + 1))
        brackets = tuple(
            (math.ceil((last + 1) * factor**depth / (depth + 1)), last - depth + 1) for depth in range(last, -1, -1)
        )
        return cls(epochs, brackets, factor)

    @property
    @override
    def size(self) -> int:
        """Members of the pool in the end."""
        return sum(members for members, _ in self.brackets)

    @property
    @override
    def total_epochs(self) -> int:
        """Epochs of all trainings together."""
        return sum(self._cost(*bracket) for bracket in self.brackets)

    @override
    def next(self, pool: Pool) -> Propose | Advance | None:
        first = 0
        for members, lowest in self.brackets:
            own = pool.model_copy(update={"members": pool.members[first : first + members]})
            first += members
            if len(own.members) < members:
                return Propose(members - len(own.members))
            for level in range(1, len(self.epochs) + 1):
                if waiting := unfinished(own, level, self._survivors(members, lowest, level)):
                    return Advance(waiting, level)
        return None

    @override
    def shrunk(self, share: float) -> "SuccessiveHalving":
        brackets = tuple((max(2, round(share * members)), lowest) for members, lowest in self.brackets)
        kept = len(brackets) if share >= 0.5 else max(1, round(2 * share * len(brackets)))
        return replace(self, brackets=brackets[:kept])

    def _survivors(self, members: int, lowest: int, level: int) -> int:
        return max(1, members // int(self.factor ** max(0, level - lowest)))

    def _cost(self, members: int, lowest: int) -> int:
        steps = (after - before for before, after in pairwise((0, *self.epochs)))
        return sum(step * self._survivors(members, lowest, level) for level, step in enumerate(steps, start=1))
