"""DOTS."""

from dartboard.search import (
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
    StrongestPairs,
    WarmUp,
    method,
)

RESTING = 1 / 2


@method("dots", paper="arXiv:2010.00969")
def dots(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    start_temperature: Positive = 10.0,
    end_temperature: Positive = 0.02,
    normalized_edges: bool = True,
) -> Recipe:
    """DOTS: first the operations of every edge, then the pairs of edges.

    Operations with and without weights compete in groups of their own, and every edge keeps the best of each. A second
    supernet then searches which two edges a node keeps, by a softmax over pairs that cools down, while alpha and
    weights step on the same batch.

    Differs from the paper: no batch norm and ReLU before the last pooling, so that all methods search the same network;
    in the second stage the weights see the images of both halves from its first epoch on, where the authors begin with
    one half. Spaces that keep every edge are refused.

    Reference figures: CIFAR-10 97.51 +- 0.06 %, CIFAR-100 83.52 +- 0.13 % (collected in the HyperDARTS thesis, table
    23).

    Args:
        alpha_lr: learning rate of alpha in both stages.
        alpha_weight_decay: its L2 factor.
        start_temperature: of the pairs when they begin to learn; the two operations of an edge have a thousandth of it.
        end_temperature: in the last epoch.
        normalized_edges: whether the weights of a node's edges sum to one, as in the paper, or to two, as in the
            authors' code.
    """
    operations = Recipe(
        relaxation=GroupSoftmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(WarmUp(RESTING),),
        restarts_rate=False,
    )
    return Recipe(
        relaxation=Softmax(initial_scale=0.0, coldness=1e3),
        edges=PairSoftmax(sums_to_one=normalized_edges),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, betas=(0.9, 0.999), weight_decay=alpha_weight_decay),
        images="same-batch",
        rules=(WarmUp(RESTING), Cooling(start_temperature, end_temperature, RESTING)),
        selection=StrongestPairs(),
        earlier=(Stage(operations, 30 / 70, KeepStrongestOfGroups()),),
        restarts_rate=False,
        published={"epochs": 70},
    )
