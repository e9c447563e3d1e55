"""DARTS with implicit differentiation by a Neumann series."""

from dartboard.parts import AdamUpdate, Count, Implicit, Neumann, NonNegative, Recipe, Softmax, StrongestEdges, method


@method("darts-neumann", paper="arXiv:1911.02590", group="response")
def darts_neumann(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    terms: Count = 5,
    relative_step: NonNegative = 1.0,
) -> Recipe:
    """DARTS with the gradient of alpha through the optimal weights (implicit differentiation, Neumann series).

    The weights are treated as the best ones for the current alpha. A linear system with the Hessian tells how they
    would follow alpha, and the first terms of a Neumann series approximate its solution. One term gives the
    second-order gradient of DARTS, with the mixed derivative taken at the current weights and not after the step.

    Differs from the paper: the paper has no cells, so relaxation and optimisers are those of `darts`; the step of the
    series is a multiple of the weights' learning rate.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        terms: number of terms of the series.
        relative_step: step of the series as a multiple of the weights' learning rate.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=Implicit(Neumann(terms, relative_step)),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
