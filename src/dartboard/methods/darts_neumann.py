"""DARTS with implicit differentiation by a Neumann series."""

from dartboard.parts import AdamUpdate, Count, Implicit, Neumann, NonNegative, Recipe, Softmax, StrongestEdges, method


@method("darts-neumann", paper="arXiv:1911.02590")
def darts_neumann(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    terms: Count = 5,
    relative_step: NonNegative = 1.0,
) -> Recipe:
    """DARTS with the gradient through the optimal weights, whose inverse Hessian is a Neumann series.

    The weights are taken for the best ones under the alpha at hand; how they would follow alpha is a linear system, and
    the first terms of a series approximate its solution. One term is DARTS' second order with its probe taken at w.

    Differs from the paper: it has no cells, so relaxation and optimisers are those of `darts`; the step of the series
    follows the weights' learning rate.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        terms: of the series.
        relative_step: step of the series as a multiple of the weights' learning rate.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=Implicit(Neumann(terms, relative_step)),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
