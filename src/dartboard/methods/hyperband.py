"""Hyperband, and Hyperband after zero-cost proxies."""

from dartboard.parts import Count, DiscreteSearch, Recipe, SuccessiveHalving, Uniform, method


@method("hyperband", paper="arXiv:1603.06560", group="discrete")
def hyperband(*, longest: Count = 81, factor: Count = 3) -> Recipe:
    """Hyperband: brackets of successive halving over random architectures, from many short trainings to few long ones.

    In a bracket all architectures are trained for a few epochs, the best third for three times as many, and so on.

    Source: Li et al. 2018, arXiv:1603.06560, algorithm 1. Differs from the paper: no architecture is drawn twice.

    Args:
        longest: epochs of a whole training.
        factor: of the architectures of a level, one in so many goes on.
    """
    return Recipe(
        discrete=DiscreteSearch(Uniform(), SuccessiveHalving.hyperband(longest, factor)),
        smallest={"": {"method.options.longest": 9}},
    )


@method("proxy-hyperband", paper="arXiv:1603.06560, arXiv:2101.08134", group="discrete")
def proxy_hyperband(*, longest: Count = 81, factor: Count = 3, screened: Count = 8) -> Recipe:
    """Zero-cost proxies, then Hyperband: what promises most before any training is trained by brackets.

    Eight architectures are drawn for every one that joins a bracket; the best by the mean of their ranks by naswot,
    synflow and az-nas join.

    Source: Li et al. 2018, arXiv:1603.06560, with the warm-up by proxies of Abdelfattah et al. 2021, arXiv:2101.08134.
    Differs from the papers: neither joins the two; no architecture is drawn twice.

    Args:
        longest: epochs of a whole training.
        factor: of the architectures of a level, one in so many goes on.
        screened: architectures that are scored for every one that is trained.
    """
    return Recipe(
        discrete=DiscreteSearch(
            Uniform(), SuccessiveHalving.hyperband(longest, factor), ("naswot", "synflow", "az-nas"), screened
        ),
        smallest={"": {"method.options.longest": 9}},
    )
