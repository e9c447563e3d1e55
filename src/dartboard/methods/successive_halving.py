"""Successive halving."""

from dartboard.parts import Count, DiscreteSearch, Recipe, SuccessiveHalving, Uniform, method


@method("successive-halving", paper="arXiv:1502.07943", group="discrete")
def successive_halving(
    *, members: Count = 81, levels: tuple[Count, ...] = (1, 3, 9, 27, 81), factor: Count = 3
) -> Recipe:
    """Successive halving: train many random architectures for a short time, and the best of them on and on.

    It is the first bracket of `hyperband`. Weak architectures pause and stay in the pool.

    Source: Jamieson and Talwalkar 2016, arXiv:1502.07943; the numbers are those of the first bracket in
    arXiv:1603.06560. Differs from the paper: an architecture that is not promoted pauses, and is not discarded.

    Args:
        members: architectures in the beginning.
        levels: epochs after which trainings pause.
        factor: of the architectures of a level, one in so many goes on.
    """
    return Recipe(
        discrete=DiscreteSearch(Uniform(), SuccessiveHalving(levels, ((members, 1),), factor)),
        smallest={"": {"method.options.members": 9, "method.options.levels": (1, 3, 9)}},
    )
