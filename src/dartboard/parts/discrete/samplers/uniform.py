"""Architectures drawn uniformly, each once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from typing_extensions import override

from dartboard.parts.discrete.pool import Pool
from dartboard.parts.discrete.protocol import Sampler
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["Uniform", "draw_new"]

_TRIES = 200
"""Draws for every architecture that is asked for, before a space counts as exhausted."""


@dataclass(frozen=True)
class Uniform(Sampler):
    """Every architecture is as likely as any other (arXiv:1902.07638); those through which nothing passes are not."""

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        return draw_new(pool, space, count, generator)


def draw_new(
    pool: Pool, space: SearchSpace, count: int, generator: torch.Generator, *, besides: Sequence[Genotype] = ()
) -> list[Genotype]:
    """Architectures drawn uniformly, all different, none of them in the pool or among `besides`.

    Args:
        pool: what is known so far.
        space: the search space.
        count: how many; fewer where no more turn up.
        generator: on the CPU.
        besides: further architectures that are left out.
    """
    seen = {*pool.texts, *(each.to_text() for each in besides)}
    found: list[Genotype] = []
    draw = UniformlyRandom()
    for _ in range(_TRIES * count):
        if len(found) == count:
            break
        genotype = draw(space, {}, generator)
        if (text := genotype.to_text()) not in seen and lets_images_through(space, genotype):
            found.append(genotype)
            seen.add(text)
    return found
