"""The tree-structured Parzen estimator."""

from dartboard.parts import TPE, Count, DiscreteSearch, Full, Recipe, method


@method("tpe", paper="Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization", group="discrete")
def tpe(*, members: Count = 200, length: Count = 12, startup: Count = 10, candidates: Count = 24) -> Recipe:
    """TPE: model the good architectures and the others decision by decision, and try where the good ones are denser.

    It needs the extra `optuna`.

    Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization, with the estimator of Optuna,
    arXiv:1907.10902. Differs from the paper: an architecture that was evaluated already is drawn again.

    Args:
        members: architectures that are evaluated.
        length: epochs of each training.
        startup: random architectures before the estimator proposes.
        candidates: draws for every proposal, of which the most promising is taken.
    """
    return Recipe(
        discrete=DiscreteSearch(TPE(startup, candidates), Full(members, (length,))),
        smallest={"": {"method.options.members": 12, "method.options.length": 4, "method.options.startup": 4}},
    )
