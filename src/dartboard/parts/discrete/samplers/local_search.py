"""Local search: all neighbours of the best, until none is better; then another start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from typing_extensions import override

from dartboard.parts.discrete.neighbours import neighbours
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.protocol import Sampler
from dartboard.parts.discrete.samplers.uniform import draw_new
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["LocalSearch", "Place"]


class Place(NamedTuple):
    """Where a local search stands.

    Attributes:
        centre: the member whose neighbours are evaluated; None while starts are drawn.
        waiting: neighbours of the centre that are not in the pool.
        optima: members of which no neighbour is better.
    """

    centre: Member | None
    waiting: tuple[Genotype, ...]
    optima: tuple[Member, ...]


@dataclass(frozen=True)
class LocalSearch(Sampler):
    """Local search (arXiv:2004.08996): it evaluates all neighbours, and moves to the best one if that is better.

    The first centre is the best of `starts` random architectures. Where no neighbour is better, the search starts
    again from one random architecture. What the pool knows is not evaluated again. The answer is the best of the whole
    history.

    Attributes:
        starts: random architectures before the first move.
        moves: "best" evaluates all neighbours before it moves; "first" moves to the first one that is better, in random
            order.
    """

    starts: int = 10
    moves: str = "best"

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        place = self.place(pool, space)
        if place.centre is None:
            return draw_new(pool, space, min(count, max(1, self.starts - len(pool.members))), generator)
        order = torch.randperm(len(place.waiting), generator=generator).tolist()
        wanted = 1 if self.moves == "first" else count
        return [place.waiting[number] for number in order[:wanted]]

    @override
    def shrunk(self, share: float) -> "LocalSearch":
        return replace(self, starts=max(1, round(share * self.starts)))

    def place(self, pool: Pool, space: SearchSpace) -> Place:
        """Where the search stands, replayed from the pool: every move that its members led to."""
        known = {member.architecture.to_text(): member for member in pool.members}
        optima: list[Member] = []
        if len(pool.members) < self.starts:
            return Place(None, (), ())
        centre, seen = max(pool.members[: self.starts], key=_fitness), self.starts
        while True:
            around = [each for each in neighbours(space, centre.architecture) if lets_images_through(space, each)]
            there = [known[text] for each in around if (text := each.to_text()) in known]
            waiting = tuple(each for each in around if each.to_text() not in known)
            better = [member for member in there if _fitness(member) > _fitness(centre)]
            if better and (not waiting or self.moves == "first"):
                centre = max(better, key=_fitness) if self.moves == "best" else min(better, key=lambda it: it.number)
                seen = max(seen, *(member.number + 1 for member in there))
                continue
            if waiting:
                return Place(centre, waiting, tuple(optima))
            optima.append(centre)
            seen = max(seen, *(member.number + 1 for member in there), 0)
            restart = next((member for member in pool.members[seen:]), None)
            if restart is None:
                return Place(None, (), tuple(optima))
            centre, seen = restart, restart.number + 1


def _fitness(member: Member) -> float:
    return member.accuracies[-1] if member.accuracies else 0.0
