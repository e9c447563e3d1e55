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


@method("darts-cg", paper="arXiv:1602.02355")
def darts_cg(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    iterations: Count = 10,
    tolerance: NonNegative = 1e-3,
    damping: NonNegative = 1e-2,
) -> Recipe:
    """DARTS with the gradient through the optimal weights, found by conjugate gradients.

    As `darts-neumann`, with the linear system solved on damped curvature; conjugate gradients need fewer products than
    a series where the curvature is positive, and end where it is not.

    Differs from the paper: it has no cells, so relaxation and optimisers are those of `darts`; the inner problem is not
    solved first, and the tolerance is constant.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        iterations: products with the Hessian, at most.
        tolerance: residual that is small enough, relative to the right-hand side.
        damping: added to the diagonal of the Hessian.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=Implicit(ConjugateGradient(iterations, tolerance, damping)),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
