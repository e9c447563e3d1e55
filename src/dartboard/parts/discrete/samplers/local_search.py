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
        if len(pool.members) < self.starts:
            return Place(None, (), ())
        return _Walk(self, pool, space).to_the_end()


class _Walk:
    """A replay. It only knows the members that it has come to, since later ones had no part in its moves."""

    def __init__(self, search: LocalSearch, pool: Pool, space: SearchSpace) -> None:
        self.first, self.space, self.members = search.moves == "first", space, pool.members
        self.used = search.starts
        self.known = {member.architecture: member for member in self.members[: self.used]}
        self.centre = max(self.members[: self.used], key=_fitness)

    def to_the_end(self) -> Place:
        """Move until a neighbour is missing, or a new start."""
        optima: list[Member] = []
        while True:
            around = [each for each in neighbours(self.space, self.centre.architecture) if self._counts(each)]
            following = self._following(around)
            waiting = tuple(each for each in around if each not in self.known)
            if _fitness(following) > _fitness(self.centre):
                self.centre = following
            elif waiting:
                return Place(self.centre, waiting, tuple(optima))
            else:
                optima.append(self.centre)
                if self.used == len(self.members):
                    return Place(None, (), tuple(optima))
                self.centre = self._take()

    def _following(self, around: Sequence[Genotype]) -> Member:
        """Where the search moves; the centre itself while neighbours are missing, or where none is better."""
        there = [self.known[each] for each in around if each in self.known]
        if self.first and any(_fitness(member) > _fitness(self.centre) for member in there):
            return max(there, key=_fitness)
        missing = {each for each in around if each not in self.known}
        while missing and self.used < len(self.members):
            member = self._take()
            missing.discard(member.architecture)
            there.append(member)
            if self.first and _fitness(member) > _fitness(self.centre):
                return member
        return self.centre if missing or self.first else max(there, key=_fitness, default=self.centre)

    def _take(self) -> Member:
        member = self.members[self.used]
        self.known[member.architecture] = member
        self.used += 1
        return member

    def _counts(self, genotype: Genotype) -> bool:
        return genotype in self.known or lets_images_through(self.space, genotype)


def _fitness(member: Member) -> float:
    return member.accuracies[-1] if member.accuracies else 0.0
