"""Regularised evolution: the oldest architecture leaves the population, not the worst."""

from dataclasses import dataclass

import torch

from dartboard.parts.discrete.neighbours import mutate
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.samplers.fresh import draw_fresh, last_merit
from dartboard.space import Genotype, SearchSpace

__all__ = ["Evolution"]

_TRIES = 200
"""Mutations of one parent that are tried before another parent is drawn: all 24 neighbours of a cell of NAS-Bench-201
are then met but for one chance in a hundred."""

_PARENTS = 20
"""Parents that are tried before an architecture is drawn at random."""


@dataclass(frozen=True)
class Evolution:
    """Mutate the best of a few members of a queue; the child joins the queue, and the oldest member leaves it.

    Source: Real et al. 2019, arXiv:1802.01548; the sizes for NAS-Bench-201 are those of arXiv:2001.00326. Differs: a
    child that has been evaluated before is drawn again, where the papers evaluate it anew.

    Attributes:
        population: architectures in the queue, the first of which are drawn at random.
        sample: members that compete to be the parent, drawn with replacement.
    """

    population: int = 10
    sample: int = 3

    def queue(self, pool: Pool) -> tuple[Member, ...]:
        """The population: every cycle adds one member and drops the oldest, so these are the last of the pool."""
        return pool.members[-self.population :]

    def propose(
        self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator
    ) -> tuple[Genotype, ...]:
        """The first population, or one child: what comes next depends on what that child is worth.

        Args:
            pool: all members; those without an accuracy do not compete.
            space: their space.
            count: architectures wanted at most.
            generator: on the CPU.
        """
        taken = {member.genotype for member in pool.members}
        missing = self.population - len(pool.members)
        if missing > 0:
            return draw_fresh(space, min(count, missing), taken, generator)
        grown = [member for member in self.queue(pool) if member.level or member.failure]
        for _ in range(_PARENTS if grown else 0):
            parent = self._parent(grown, generator)
            for _ in range(_TRIES):
                child = mutate(parent.genotype, space, generator)
                if child not in taken:
                    return (child,)
        return draw_fresh(space, 1, taken, generator)

    def _parent(self, grown: list[Member], generator: torch.Generator) -> Member:
        drawn = torch.randint(len(grown), (self.sample,), generator=generator).tolist()
        return max((grown[place] for place in drawn), key=last_merit)
