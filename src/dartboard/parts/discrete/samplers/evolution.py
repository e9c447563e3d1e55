"""Regularised evolution: the fittest of a few has a child, and the oldest leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from typing_extensions import override

from dartboard.parts.discrete.neighbours import mutate
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.protocol import Sampler
from dartboard.parts.discrete.samplers.uniform import draw_new
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["Evolution"]

_TRIES = 100
"""Mutations before a parent counts as exhausted, and an architecture is drawn at random."""


@dataclass(frozen=True)
class Evolution(Sampler):
    """Regularised evolution (arXiv:1802.01548, algorithm 1).

    The first `population` architectures are drawn at random. Then a queue holds the youngest `population` of the pool;
    `contenders` of them are drawn with replacement, and the best of these has a child that differs in one decision.
    The child joins the queue, and the oldest leaves it, however good it is. The answer of the search is the best of its
    whole history.

    Differs: a child that is in the pool already, or through which nothing passes, is drawn again, as evaluating it
    would teach nothing.

    Attributes:
        population: architectures in the queue.
        contenders: that compete for having a child.
    """

    population: int = 10
    contenders: int = 3

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        found: list[Genotype] = []
        while len(found) < count:
            further = self._next(pool, space, generator, found)
            if further is None:
                break
            found.append(further)
        return found

    @override
    def shrunk(self, share: float) -> "Evolution":
        population = max(2, round(share * self.population))
        return replace(self, population=population, contenders=min(self.contenders, population))

    def queue(self, pool: Pool) -> tuple[Member, ...]:
        """The living members, the oldest first."""
        return pool.members[-self.population :]

    def _next(
        self, pool: Pool, space: SearchSpace, generator: torch.Generator, besides: Sequence[Genotype]
    ) -> Genotype | None:
        if len(pool.members) + len(besides) >= self.population and pool.members:
            queue, seen = self.queue(pool), {*pool.texts, *(each.to_text() for each in besides)}
            drawn = torch.randint(len(queue), (self.contenders,), generator=generator).tolist()
            parent = max((queue[place] for place in drawn), key=lambda member: member.accuracies[-1:] or (0.0,))
            for _ in range(_TRIES):
                child = mutate(space, parent.architecture, generator)
                if child.to_text() not in seen and lets_images_through(space, child):
                    return child
        drawn_anew = draw_new(pool, space, 1, generator, besides=besides)
        return drawn_anew[0] if drawn_anew else None
