"""Schedules that train many architectures for a short time and fewer of them longer: successive halving, Hyperband.

Both are pure functions of the pool, so an interrupted search needs nothing but the pool to go on. The pruners of Optuna
do not fit: they are asked within a running training whether it shall stop, a trial that they have pruned never goes on,
and their brackets depend on the order in which trainings report. Ours pause a training and go on with it, and give the
brackets of the papers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dartboard.errors import RecipeError
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.protocol import Advance, Propose

__all__ = ["Hyperband", "SuccessiveHalving", "geometric", "merit", "mean_places"]

_CLOSE = 1e-9
"""Powers of the factor are exact but for rounding."""


def geometric(most: int, factor: float, least: int = 1) -> tuple[int, ...]:
    """Epochs at which trainings pause: `most`, and `most` divided by `factor` again and again, rounded.

    Args:
        most: epochs of a whole training.
        factor: quotient of two neighbouring lengths.
        least: no length is below it.

    >>> geometric(81, 3)
    (1, 3, 9, 27, 81)
    """
    lengths = [float(most)]
    while lengths[-1] / factor >= least - _CLOSE:
        lengths.append(lengths[-1] / factor)
    return tuple(sorted({max(1, round(length)) for length in lengths}))


def merit(member: Member, level: int) -> float:
    """What a member is ordered by at a level: its accuracy there; -1 where its training has failed before."""
    return member.accuracies[level - 1] if member.level >= level else -1.0


@dataclass(frozen=True)
class SuccessiveHalving:
    """Train all architectures to the first length, and the best of them, one in `factor`, to the next, and so on.

    Source: Jamieson and Talwalkar 2016, arXiv:1502.07943; with any factor as in Hyperband, arXiv:1603.06560.

    Attributes:
        count: architectures in the beginning.
        epochs: lengths at which trainings pause, ascending; the last one is a whole training.
        factor: one architecture in so many goes on; at least one does.

    Raises:
        RecipeError: the lengths do not ascend, or the factor keeps all.
    """

    count: int
    epochs: tuple[int, ...]
    factor: float = 3.0

    def __post_init__(self) -> None:
        _check(self.epochs, self.factor)

    @property
    def residents(self) -> tuple[int, ...]:
        """How many architectures reach every length.

        >>> SuccessiveHalving(81, geometric(81, 3)).residents
        (81, 27, 9, 3, 1)
        """
        return _shrinking(self.count, self.factor, len(self.epochs))

    def next(self, pool: Pool) -> Propose | Advance | None:
        """New architectures until there are `count`, then the promotions level by level; None at the end."""
        missing = self.count - len(pool.members)
        if missing > 0:
            return Propose(missing)
        return _promotion(pool.members[: self.count], self.residents, 1)


@dataclass(frozen=True)
class Hyperband:
    """Successive halving with several compromises between many short trainings and few long ones.

    With N lengths, bracket s = N - 1, ..., 0 begins with n(s) = ceil(N / (s + 1) * factor^s) architectures at length
    N - s, and one in `factor` goes on each time (arXiv:1603.06560, algorithm 1). The brackets are run one after the
    other. Architectures of a later bracket also pause at the lengths before its first, where nothing is decided.

    The table of brackets in the paper has fewer architectures than its algorithm: it rounds N / (s + 1) down first.
    `rounds_down` gives these.

    Attributes:
        epochs: lengths at which trainings pause, ascending; the last one is a whole training.
        factor: one architecture in so many goes on.
        scored: architectures that proxies score first, without training. The best places go to the brackets, the very
            best to those that begin with the longest trainings, since nothing else sorts these; 0: no proxies, and
            every bracket takes architectures in the order of their proposal.
        rounds_down: whether the brackets begin with as many as in the table of the paper.

    Raises:
        RecipeError: the lengths do not ascend, the factor keeps all, or fewer architectures are scored than trained.
    """

    epochs: tuple[int, ...]
    factor: float = 3.0
    scored: int = 0
    rounds_down: bool = False

    def __post_init__(self) -> None:
        _check(self.epochs, self.factor)
        if 0 < self.scored < self.count:
            raise RecipeError(
                f"the brackets of Hyperband begin with {self.count} architectures in all, and only {self.scored} are "
                f"scored by proxies before; let at least {self.count} be scored, or shorten the trainings."
            )

    @property
    def brackets(self) -> tuple[tuple[int, ...], ...]:
        """For every bracket, in the order in which they run, how many architectures reach its lengths.

        The last number is for the last length; a bracket of fewer numbers begins at a later length.

        >>> Hyperband(geometric(9, 3)).brackets
        ((9, 3, 1), (5, 1), (3,))
        """
        lengths = len(self.epochs)
        return tuple(_shrinking(self._first(s), self.factor, s + 1) for s in reversed(range(lengths)))

    @property
    def count(self) -> int:
        """Architectures that are trained in all brackets together."""
        return sum(bracket[0] for bracket in self.brackets)

    def next(self, pool: Pool) -> Propose | Advance | None:
        """What the first bracket that has not ended needs; None once all have."""
        if self.scored:
            return self._next_of_scored(pool)
        begun = 0
        for bracket in self.brackets:
            missing = begun + bracket[0] - len(pool.members)
            if missing > 0:
                return Propose(missing)
            if step := self._within(pool.members[begun : begun + bracket[0]], bracket):
                return step
            begun += bracket[0]
        return None

    def _next_of_scored(self, pool: Pool) -> Propose | Advance | None:
        missing = self.scored - len(pool.members)
        if missing > 0:
            return Propose(missing)
        members = pool.members[: self.scored]
        places = mean_places([member.proxies for member in members])
        ordered = sorted(members, key=lambda member: (places[member.number], member.number))
        end = self.count
        for bracket in self.brackets:
            if step := self._within(ordered[end - bracket[0] : end], bracket):
                return step
            end -= bracket[0]
        return None

    def _first(self, s: int) -> int:
        share = len(self.epochs) / (s + 1)
        if self.rounds_down:
            return math.floor(math.floor(share) * self.factor**s + _CLOSE)
        return math.ceil(share * self.factor**s - _CLOSE)

    def _within(self, members: Sequence[Member], bracket: Sequence[int]) -> Advance | None:
        first = len(self.epochs) - len(bracket) + 1
        return _promotion(members, [*(bracket[0],) * (first - 1), *bracket], first)


def mean_places(scores: Sequence[Mapping[str, float]]) -> list[float]:
    """The mean over proxies of the place of every architecture, 1 for the largest score; equals share their mean place.

    A score that is missing or not finite has the last place.

    >>> mean_places([{"a": 3.0, "b": 1.0}, {"a": 2.0, "b": 2.0}, {"a": 1.0, "b": float("nan")}])
    [1.5, 1.5, 3.0]
    """
    names = sorted({name for each in scores for name in each})
    if not names:
        return [1.0] * len(scores)
    places = [_places([each.get(name, math.nan) for each in scores]) for name in names]
    return [sum(own) / len(names) for own in zip(*places, strict=True)]


def _places(values: Sequence[float]) -> list[float]:
    known = [value if math.isfinite(value) else -math.inf for value in values]
    order = sorted(known, reverse=True)
    first = {value: order.index(value) + 1 for value in set(known)}
    times = {value: known.count(value) for value in set(known)}
    return [first[value] + (times[value] - 1) / 2 for value in known]


def _shrinking(count: int, factor: float, lengths: int) -> tuple[int, ...]:
    return tuple(max(1, math.floor(count / factor**passed + _CLOSE)) for passed in range(lengths))


def _promotion(members: Sequence[Member], residents: Sequence[int], first: int) -> Advance | None:
    """The lowest level at which architectures are missing, and these architectures; None if all have arrived.

    Args:
        members: those among which the best go on.
        residents: how many of them belong at every level, from level 1.
        first: the level from which on accuracies decide who goes on.
    """
    going = list(members)
    for level, size in enumerate(residents, 1):
        if level > first:
            going = sorted(going, key=lambda member: (-merit(member, level - 1), member.number))[:size]
        waiting = tuple(member.number for member in going if member.level < level and member.failure is None)
        if waiting:
            return Advance(waiting, level)
    return None


def _check(epochs: Sequence[int], factor: float) -> None:
    if not epochs or list(epochs) != sorted(set(epochs)) or epochs[0] < 1:
        raise RecipeError(
            f"trainings would pause after {', '.join(map(str, epochs)) or 'no'} epochs; give lengths that ascend from 1."
        )
    if factor <= 1:
        raise RecipeError(f"one architecture in {factor:g} would go on, which is all of them; give a factor above 1.")
