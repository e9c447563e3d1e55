"""DARTS, first order."""

from dartboard.search import AdamUpdate, FirstOrder, NonNegative, Recipe, Softmax, StrongestEdges, method


@method("darts", paper="arXiv:1806.09055")
def darts(*, alpha_lr: NonNegative = 3e-4, alpha_weight_decay: NonNegative = 1e-3) -> Recipe:
    """DARTS, first order: softmax over the operations, alternating steps on alpha and weights.

    Differs from the paper: the start of alpha is 1e-3 * N(0, 1) as in the authors' code, not zero; no selection
    among four searches.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
