"""DARTS with implicit differentiation by conjugate gradients."""

from dartboard.parts import (
    AdamUpdate,
    ConjugateGradient,
    Count,
    Implicit,
    NonNegative,
    Recipe,
    Softmax,
    StrongestEdges,
    method,
)


@method("darts-cg", paper="arXiv:1602.02355", group="response")
def darts_cg(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    iterations: Count = 10,
    tolerance: NonNegative = 1e-3,
    damping: NonNegative = 1e-2,
) -> Recipe:
    """DARTS with the gradient of alpha through the optimal weights (implicit differentiation, conjugate gradients).

    The weights are treated as the best ones for the current alpha; a linear system with the Hessian tells how they
    would follow alpha. Conjugate gradients solve it with a damped Hessian. Where the curvature is positive, they need
    fewer products than the series of `darts-neumann`; where it is not, they stop.

    Differs from the paper: the paper has no cells, so relaxation and optimisers are those of `darts`; the inner problem
    is not solved first, and the tolerance is constant.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        iterations: largest number of products with the Hessian.
        tolerance: the solver stops at this residual, relative to the right-hand side.
        damping: number that is added to the diagonal of the Hessian.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=Implicit(ConjugateGradient(iterations, tolerance, damping)),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
