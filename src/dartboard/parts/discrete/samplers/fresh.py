"""What samplers share: architectures that are new to the pool, and the figure that members are compared by."""

from collections.abc import Collection

import torch

from dartboard.parts.discrete.pool import Member
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.space import Genotype, SearchSpace

__all__ = ["draw_fresh", "last_merit"]

_TRIES = 1000


def last_merit(member: Member) -> float:
    """The accuracy of a member at the highest level it has reached; -1 where its training has failed."""
    return member.accuracies[-1] if member.accuracies and member.failure is None else -1.0


def draw_fresh(
    space: SearchSpace, count: int, taken: Collection[Genotype], generator: torch.Generator
) -> tuple[Genotype, ...]:
    """Different architectures drawn uniformly, none of them in `taken`; fewer where hardly any is left.

    Args:
        space: their space.
        count: how many are wanted.
        taken: architectures that must not be among them.
        generator: on the CPU.
    """
    found: dict[Genotype, None] = {}
    for _ in range(_TRIES + 10 * count):
        if len(found) == count:
            break
        drawn, _ = UniformlyRandom().draw(space, generator)
        if drawn not in taken:
            found[drawn] = None
    return tuple(found)
