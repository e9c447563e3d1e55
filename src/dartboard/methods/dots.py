"""DOTS."""

from dartboard.parts import (
    AdamUpdate,
    Cooling,
    FirstOrder,
    GroupSoftmax,
    KeepStrongestOfGroups,
    NonNegative,
    PairSoftmax,
    Positive,
    Recipe,
    Softmax,
    Stage,
    StrongestEdgePairs,
    WarmUp,
    method,
)


@method("dots", paper="arXiv:2010.00969", group="steps")
def dots(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    temperatures: tuple[Positive, Positive] = (10.0, 0.02),
    normalized_edges: bool = True,
) -> Recipe:
    """DOTS: the search chooses first the operations of every edge, then pairs of edges.

    Operations with weights and operations without weights compete separately, and every edge keeps the best of each. A
    second supernet searches pairs of edges by a softmax that cools down; alpha and weights step on the same batch.

    Differs from the paper: no batch norm and ReLU before the last pooling, so that all methods search one network; the
    second stage uses both halves of the images from its first epoch on; the authors begin with one.
    Reference figures: CIFAR-10 97.51 +- 0.06 %, CIFAR-100 83.52 +- 0.13 % (HyperDARTS thesis, table 23).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        temperatures: of the softmax over pairs, first and last; the softmax over operations has a thousandth of it.
        normalized_edges: whether the weights of a node's edges sum to one (paper) or to two (authors' code).
    """
    first = AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay)
    operations = Recipe(
        relaxation=GroupSoftmax(),
        gradient=FirstOrder(),
        update=first,
        rules=(WarmUp(1 / 2),),
        restarts_rate=False,
    )
    return Recipe(
        relaxation=Softmax(initial_scale=0.0, coldness=1e3),
        edges=PairSoftmax(sums_to_one=normalized_edges),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, betas=(0.9, 0.999), weight_decay=alpha_weight_decay),
        images="same-batch",
        rules=(WarmUp(1 / 2), Cooling(*temperatures, resting=1 / 2)),
        selection=StrongestEdgePairs(),
        earlier=(Stage(operations, 30 / 70, KeepStrongestOfGroups()),),
        restarts_rate=False,
        published={"epochs": 70},
    )
