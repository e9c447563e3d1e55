"""DARTS, first order."""

from dartboard.parts import AdamUpdate, FirstOrder, NonNegative, Recipe, Softmax, StrongestEdges, method


@method("darts", paper="arXiv:1806.09055", group="first")
def darts(*, alpha_lr: NonNegative = 3e-4, alpha_weight_decay: NonNegative = 1e-3) -> Recipe:
    """DARTS, first order: softmax over the operations, alternating steps on alpha and weights.

    Every edge of a cell mixes all candidate operations by a softmax. Alpha descends the loss on one half of the images,
    as if the weights were optimal already; the weights descend the loss on the other half.

    Differs from the paper: alpha starts at 1e-3 * N(0, 1) as in the authors' code, not at zero. The paper chooses among
    four searches: `--seeds 4 --choose best-short-train` does the same.

    Reference figures: CIFAR-10 error 3.00 +- 0.14 %, 3.3 M parameters (the paper). NAS-Bench-201: 54.30 % on CIFAR-10
    after 200 epochs of training; the cell found has skip connections only (Single-DARTS, table 1).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
