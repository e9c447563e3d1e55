"""Local search."""

from typing import Literal

from dartboard.parts import Count, DiscreteSearch, Full, LocalSearch, Recipe, method


@method("local-search", paper="arXiv:2004.08996", group="discrete")
def local_search(
    *,
    members: Count = 200,
    length: Count = 12,
    starts: Count = 10,
    moves: Literal["best", "first"] = "best",
) -> Recipe:
    """Local search: evaluate the neighbours of the best, move to the best of them, and start again at an optimum.

    Neighbours differ in one decision: 24 in NAS-Bench-201, 120 in the DARTS space. The answer is the best of the whole
    history.

    Source: White et al. 2020, arXiv:2004.08996. Differs from the paper: architectures through which nothing of the
    images passes are no neighbours.

    Args:
        members: architectures that are evaluated.
        length: epochs of each training.
        starts: random architectures before the first move.
        moves: "best" evaluates all neighbours before it moves, "first" moves to the first one that is better.
    """
    return Recipe(
        discrete=DiscreteSearch(LocalSearch(starts, moves), Full(members, (length,))),
        smallest={"": {"method.options.members": 12, "method.options.length": 4, "method.options.starts": 4}},
    )
