"""DARTS, second order."""

from typing import Literal

from dartboard.search import AdamUpdate, NonNegative, Recipe, Softmax, StrongestEdges, Unrolled, method


@method("darts-2nd", paper="arXiv:1806.09055")
def darts_2nd(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    second_derivative: Literal["finite-difference", "exact"] = "finite-difference",
) -> Recipe:
    """DARTS, second order: the alpha gradient looks through one virtual weight step.

    Differs from the paper: see `darts`; `second_derivative="exact"` replaces the paper's finite difference.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=Unrolled(second_derivative),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
