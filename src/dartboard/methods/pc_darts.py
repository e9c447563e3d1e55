"""PC-DARTS."""

from dartboard.parts import (
    AdamUpdate,
    Count,
    EdgeSoftmax,
    FirstOrder,
    NonNegative,
    Recipe,
    Share,
    Softmax,
    WarmUp,
    method,
)
from dartboard.supernet import Mixing


@method("pc-darts", paper="arXiv:1907.05737", group="memory")
def pc_darts(
    *,
    alpha_lr: NonNegative = 6e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    channel_share: Count = 4,
    edge_weights: bool = True,
    warm_up: Share = 0.3,
) -> Recipe:
    """PC-DARTS: only a part of the channels goes through the operations, and edges have weights.

    The other channels bypass the operations. That saves memory and reduces the advantage of operations without weights.
    As operations then see few channels, a softmax over the edges into a node keeps the choice of edges stable.

    Differs from the paper: always the first channels go through, and a shuffle then exchanges channels, as in the
    authors' code; the paper draws the channels.

    On ImageNet the paper searches with `search.image_shares=[0.1,0.025]`, `search.weight_lr=0.5`,
    `search.weight_lr_warmup=0.1`, `search.batch_size=1024` and the options `alpha_lr=0.006`, `channel_share=2` and
    `warm_up=0.7`.

    Reference figures: CIFAR-10 test error 2.57 +- 0.07 % with 3.6 M parameters, ImageNet top-1 error 24.2 % (authors'
    code, README).

    Args:
        alpha_lr: learning rate of alpha and of the edge weights.
        alpha_weight_decay: L2 factor of alpha and of the edge weights.
        channel_share: 1 / channel_share of the channels goes through the operations; must divide the width of every
            cell.
        edge_weights: whether the edges into a node have weights, which a softmax makes sum to one.
        warm_up: share of the epochs in which the weights learn alone; 15 of 50 in the paper.
    """
    return Recipe(
        relaxation=Softmax(),
        edges=EdgeSoftmax() if edge_weights else None,
        mixing=Mixing(channel_share=channel_share),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(WarmUp(warm_up),),
        published={"batch_size": 256, "weight_lr": 0.1, "weight_lr_min": 0.0},
    )
