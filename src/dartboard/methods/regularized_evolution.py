"""Regularised evolution."""

from dartboard.parts import Count, DiscreteSearch, Evolution, Full, Recipe, method


@method("regularized-evolution", paper="arXiv:1802.01548", group="discrete")
def regularized_evolution(
    *, members: Count = 200, length: Count = 12, population: Count = 10, contenders: Count = 3
) -> Recipe:
    """Regularised evolution: the best of a few has a child that differs in one decision, and the oldest leaves.

    Age, not fitness, decides who leaves, so that an architecture stays only through descendants that do well when they
    are trained anew. The answer is the best of the whole history.

    Source: Real et al. 2019, arXiv:1802.01548; population and contenders as in NAS-Bench-201, arXiv:2001.00326.
    Differs from the paper: a child that was evaluated already is drawn again.

    Args:
        members: architectures that are evaluated.
        length: epochs of each training.
        population: architectures in the queue.
        contenders: of which the best has a child.
    """
    return Recipe(
        discrete=DiscreteSearch(Evolution(population, contenders), Full(members, (length,))),
        published_in={"darts": {"method.options.population": 50, "method.options.contenders": 10}},
        smallest={
            "": {
                "method.options.members": 12,
                "method.options.length": 4,
                "method.options.population": 5,
                "method.options.contenders": 2,
            }
        },
    )
