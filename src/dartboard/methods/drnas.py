"""DrNAS."""

from dataclasses import replace
from typing import Literal

from dartboard.search import (
    AdamUpdate,
    Count,
    Dirichlet,
    DirichletAnchor,
    FirstOrder,
    KeepStrongest,
    NonNegative,
    Recipe,
    Share,
    Stage,
    WarmUp,
    method,
)
from dartboard.supernet import Mixing

Anchor = Literal["l2", "kl"]


@method("drnas", paper="arXiv:2006.10355")
def drnas(
    *,
    alpha_lr: NonNegative = 3e-4,
    anchor: Anchor = "l2",
    anchor_weight: NonNegative = 1e-3,
    channel_share: Count = 4,
    warm_up: Share = 0.2,
    none: bool = False,
) -> Recipe:
    """DrNAS: gates are drawn from a Dirichlet distribution, whose concentration alpha learns.

    Exploration comes from the draws, and an anchor keeps the distributions near the uniform one, which bounds how
    sharply the validation loss bends in alpha.

    Differs from the paper: nothing; its runs on NAS-Bench-201 have `channel_share=1`, `warm_up=0` and `none=true`.
    Reference figures: CIFAR-10 error 2.54 +- 0.03 %, 4.0 M parameters; NAS-Bench-201 test accuracy 94.36 %, 73.51 % and
    46.34 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (paper).

    Args:
        alpha_lr: learning rate of alpha.
        anchor: "l2": weight decay of alpha, as in the authors' code; "kl": divergence from the uniform distribution.
        anchor_weight: factor of the anchor.
        channel_share: one channel in so many goes through the operations; must divide the width of every cell.
        warm_up: share of the epochs in which the weights learn alone; 10 of 50 in the authors' code.
        none: whether `none` competes.
    """
    return _stage(alpha_lr, anchor, anchor_weight, channel_share, warm_up, none)


@method("drnas-progressive", paper="arXiv:2006.10355")
def drnas_progressive(
    *,
    alpha_lr: NonNegative = 6e-4,
    anchor: Anchor = "l2",
    anchor_weight: NonNegative = 1e-3,
    channel_shares: tuple[Count, Count] = (6, 4),
    kept_ops: Count = 4,
    warm_up: Share = 0.4,
    none: bool = False,
) -> Recipe:
    """DrNAS in two stages: first all operations on few channels, then the best on more of them.

    The second stage goes on with the weights, alphas and momentum of the first; its operations are widened by copies of
    random channels (Net2Wider), and the learning rate of the weights falls over both.

    Differs from the paper: copied channels are drawn once for every pair of widths, not layer by layer.
    Reference figures: CIFAR-10 error 2.46 +- 0.03 %, 4.1 M parameters; ImageNet 23.7 / 7.1 % top-1 / top-5 (paper).

    Args:
        alpha_lr: learning rate of alpha.
        anchor: see `drnas`.
        anchor_weight: see `drnas`.
        channel_shares: one channel in so many goes through the operations, in the first stage and in the second; both
            must divide the width of every cell.
        kept_ops: operations that an edge keeps for the second stage.
        warm_up: share of each stage's epochs in which the weights learn alone; 10 of 25 in the authors' code.
        none: whether `none` competes.
    """
    first, second = (
        _stage(alpha_lr, anchor, anchor_weight, share, warm_up, none, restarts_rate=False) for share in channel_shares
    )
    earlier = (Stage(first, 1 / 2, KeepStrongest(kept_ops), leaves="everything"),)
    published = {"init_channels": 36, "layers": 20, "weight_lr": 0.1, "weight_lr_min": 0.0}
    return replace(second, earlier=earlier, published=published)


def _stage(
    alpha_lr: float,
    anchor: Anchor,
    weight: float,
    channel_share: int,
    warm_up: float,
    none: bool,
    *,
    restarts_rate: bool = True,
) -> Recipe:
    by_decay = anchor == "l2"
    return Recipe(
        relaxation=Dirichlet(),
        mixing=Mixing(channel_share=channel_share),
        without=() if none else ("none",),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=weight if by_decay else 0.0),
        penalties=() if by_decay else (DirichletAnchor(weight),),
        rules=(WarmUp(warm_up),),
        restarts_rate=restarts_rate,
    )
