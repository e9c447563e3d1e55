"""Which of several searches to believe."""

from collections.abc import Sequence
from typing import NamedTuple

from dartboard.space import Genotype

__all__ = ["SeedOutcome", "best_seed"]


class SeedOutcome(NamedTuple):
    """What a search with one seed came to.

    Attributes:
        seed: of the search.
        genotype: what it found.
        validation_accuracy: of its supernet, in the best epoch.
    """

    seed: int
    genotype: Genotype
    validation_accuracy: float


def best_seed(outcomes: Sequence[SeedOutcome]) -> tuple[SeedOutcome, bool]:
    """The search with the most accurate supernet, among those whose first kind of cells has a skip connection.

    In spaces of normal and reduction cells the first kind are the normal ones. Among equals the first search wins.
    Source: HyperDARTS (thesis), with seeds 2, 20, 200 and 2000. The thesis searches again with fewer
    epochs where no search kept a skip connection.

    Args:
        outcomes: at least one.

    Returns:
        The search, and whether it has such a skip connection; none has where this one has not.
    """
    kept = [outcome for outcome in outcomes if _skips(outcome.genotype)]
    return max(kept or outcomes, key=lambda outcome: outcome.validation_accuracy), bool(kept)


def _skips(genotype: Genotype) -> bool:
    _, cell = genotype.cells[0]
    return any(choice.op == "skip_connect" for choice in cell.choices)
