"""Local search: evaluate the neighbours of an architecture, move to a better one, begin elsewhere where none is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from dartboard.parts.discrete.neighbours import neighbours
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.samplers.fresh import draw_fresh, last_merit
from dartboard.space import Genotype, SearchSpace

__all__ = ["LocalSearch"]


@dataclass(frozen=True)
class _Walk:
    """Where a local search stands.

    Attributes:
        open: neighbours of the current architecture that nobody has evaluated; empty where a random one comes next.
        missing: random architectures that come next.
        optima: numbers of the members at which the search has stopped, in order.
    """

    open: tuple[Genotype, ...]
    missing: int
    optima: tuple[int, ...]


@dataclass(frozen=True)
class LocalSearch:
    """Climb from the best of some random architectures, and begin again from a random one at every local optimum.

    Source: White et al. 2021, arXiv:2005.02960. The walk is read from the pool: whoever replays it knows where it
    stands. A neighbour that has been evaluated before costs nothing.

    Attributes:
        starts: random architectures in the beginning.
        mode: "best": all neighbours are evaluated, and the best of them is next if it is better; "first": they are
            evaluated in random order, and the first better one is next.
    """

    starts: int = 10
    mode: Literal["best", "first"] = "best"

    def propose(
        self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator
    ) -> tuple[Genotype, ...]:
        """Neighbours that are still open, or random architectures where the walk begins or has stopped.

        Args:
            pool: all members, in the order in which they were proposed.
            space: their space.
            count: architectures wanted at most.
            generator: on the CPU.
        """
        walk = self._replay(pool, space)
        if not walk.open:
            taken = {member.genotype for member in pool.members}
            return draw_fresh(space, min(count, walk.missing), taken, generator)
        if self.mode == "best":
            return walk.open[:count]
        return (walk.open[int(torch.randint(len(walk.open), (), generator=generator))],)

    def optima(self, pool: Pool, space: SearchSpace) -> tuple[int, ...]:
        """Numbers of the members that are local optima at which the walk has stopped, in order."""
        return self._replay(pool, space).optima

    def _replay(self, pool: Pool, space: SearchSpace) -> _Walk:
        members, used = pool.members, min(self.starts, len(pool.members))
        if used < self.starts:
            return _Walk((), self.starts - used, ())
        seen = {member.genotype: member for member in members[:used]}
        current, optima = max(members[:used], key=last_merit), list[int]()
        while True:
            around = neighbours(current.genotype, space)
            used, best = self._look_around(members, used, seen, current, around)
            if last_merit(best) > last_merit(current):
                current = best
                continue
            still = tuple(each for each in around if each not in seen)
            if still:
                return _Walk(still, 0, tuple(optima))
            optima.append(current.number)
            if used == len(members):
                return _Walk((), 1, tuple(optima))
            current = members[used]
            seen[current.genotype] = current
            used += 1

    def _look_around(
        self,
        members: Sequence[Member],
        used: int,
        seen: dict[Genotype, Member],
        current: Member,
        around: Sequence[Genotype],
    ) -> tuple[int, Member]:
        """Take up the members that belong to this step of the walk; gives how many are used, and who is next.

        In the mode "best" nobody is next while a neighbour is open.
        """
        first, close = self.mode == "first", set(around)
        known = [seen[each] for each in around if each in seen]
        better = max(known, key=last_merit, default=current)
        if first and last_merit(better) > last_merit(current):
            return used, better
        still = sum(each not in seen for each in around)
        while still and used < len(members) and members[used].genotype in close:
            member = seen[members[used].genotype] = members[used]
            used, still = used + 1, still - 1
            if first and last_merit(member) > last_merit(current):
                return used, member
        return used, current if first or still else _best_of(seen, around)


def _best_of(seen: Mapping[Genotype, Member], around: Sequence[Genotype]) -> Member:
    return max((seen[each] for each in around), key=last_merit)
