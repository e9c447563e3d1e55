"""How the epochs and the time of a search are divided, and how a learning rate falls."""

import math
from collections.abc import Sequence
from itertools import pairwise

from dartboard.errors import SettingsError
from dartboard.parts.recipe import Recipe
from dartboard.parts.selection import Judging

__all__ = ["cosine", "judging_share", "stage_spans"]

_JUDGING_SHARE = 1 / 3


def judging_share(recipe: Recipe) -> float:
    """The share of a search's limited time in which its selection tries architectures, once the epochs are over."""
    return _JUDGING_SHARE if isinstance(recipe.selection, Judging) else 0.0


def cosine(epoch: int, epochs: int, start: float, end: float) -> float:
    """Cosine from `start` at epoch 0 towards `end`: end + (start - end) * (1 + cos(pi * epoch / epochs)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def stage_spans(shares: Sequence[float], epochs: int) -> list[tuple[int, int]]:
    """First and last epoch (excluded) of every stage, each at least one epoch long.

    >>> stage_spans([1 / 3, 1 / 3, 1 / 3], 75)
    [(0, 25), (25, 50), (50, 75)]

    Raises:
        SettingsError: there are fewer epochs than stages.
    """
    count = len(shares)
    if epochs < count:
        raise SettingsError(
            f"this method searches in {count} stages and needs as many epochs at least, not {epochs}; raise "
            "search.epochs."
        )
    ends = [0]
    for number in range(count):
        wanted = round(epochs * math.fsum(shares[: number + 1]))
        ends.append(min(max(wanted, ends[-1] + 1), epochs - (count - 1 - number)))
    return list(pairwise(ends))
