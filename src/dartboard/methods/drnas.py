"""DrNAS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    Count,
    Dirichlet,
    DirichletAnchor,
    FirstOrder,
    NonNegative,
    Recipe,
    Share,
    WarmUp,
    method,
)
from dartboard.supernet import Mixing

IN_NAS_BENCH_201 = {"method.options.channel_share": 1, "method.options.warm_up": 0.0, "method.options.none": True}
"""Options of the paper's runs there: all channels, alpha learns from the first epoch on, `none` is a candidate."""


@method("drnas", paper="arXiv:2006.10355", group="exploration")
def drnas(
    *,
    alpha_lr: NonNegative = 3e-4,
    anchor: Literal["l2", "kl"] = "l2",
    anchor_weight: NonNegative = 1e-3,
    channel_share: Count = 4,
    warm_up: Share = 0.2,
    none: bool = False,
) -> Recipe:
    """DrNAS: gates are drawn from a Dirichlet distribution, whose concentration alpha learns.

    The draws explore the space. An anchor keeps the distributions near the uniform one, which bounds the curvature of
    the validation loss in alpha.

    In NAS-Bench-201 the paper's runs are taken unless you say otherwise: `channel_share=1`, `warm_up=0`, `none=true`.

    Differs from the paper: nothing.
    Reference figures: CIFAR-10 error 2.54 +- 0.03 %, 4.0 M parameters; NAS-Bench-201 test accuracy 94.36 %, 73.51 % and
    46.34 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (paper).

    Args:
        alpha_lr: learning rate of alpha.
        anchor: "l2": weight decay of alpha, as in the authors' code; "kl": divergence from the uniform distribution.
        anchor_weight: factor of the anchor.
        channel_share: 1 / channel_share of the channels goes through the operations; must divide the width of every
            cell.
        warm_up: share of the epochs in which the weights learn alone; 10 of 50 in the authors' code.
        none: whether `none` is a candidate.
    """
    by_decay = anchor == "l2"
    return Recipe(
        relaxation=Dirichlet(),
        mixing=Mixing(channel_share=channel_share),
        without=() if none else ("none",),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=anchor_weight if by_decay else 0.0),
        penalties=() if by_decay else (DirichletAnchor(anchor_weight),),
        rules=(WarmUp(warm_up),),
        published_in={"nas-bench-201": {"epochs": 100, **IN_NAS_BENCH_201}},
    )
