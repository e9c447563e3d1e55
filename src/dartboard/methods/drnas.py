"""DrNAS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    Count,
    Dirichlet,
    DirichletAnchor,
    DirichletDistance,
    FirstOrder,
    NonNegative,
    Positive,
    Recipe,
    Share,
    StrongestEdges,
    StrongestSoftmax,
    WarmUp,
    method,
    needs,
)
from dartboard.supernet import Mixing

IN_NAS_BENCH_201 = {"method.options.channel_share": 1, "method.options.warm_up": 0.0, "method.options.none": True}
"""Options of the paper's runs there: all channels, alpha learns from the first epoch on, `none` is a candidate."""


@method("drnas", paper="arXiv:2006.10355", group="exploration")
@needs(anchor_weight="anchor!=ball", anchor_radius="anchor=ball")
def drnas(
    *,
    alpha_lr: NonNegative = 3e-4,
    anchor: Literal["l2", "kl", "distance", "ball"] = "l2",
    anchor_weight: NonNegative = 1e-3,
    anchor_radius: Positive = 1.0,
    channel_share: Count = 4,
    warm_up: Share = 0.2,
    none: bool = False,
    derivative: Literal["dirichlet", "gamma"] = "dirichlet",
    derive: Literal["softmax", "mean"] = "softmax",
) -> Recipe:
    """DrNAS: gates are drawn from a Dirichlet distribution, whose concentration alpha learns.

    The draws explore the space. An anchor keeps the distributions near the uniform one, which bounds the curvature of
    the validation loss in alpha. Where nothing is to be drawn (validation, charts, analyses), the gates are the means
    of the distributions.

    In NAS-Bench-201 the defaults are those of the paper's runs there: 100 epochs, all channels, no warm-up and `none`
    as a candidate.

    Differs from the paper: the default anchor is that of the authors' code, which pulls alpha and not the
    concentrations; `anchor=distance` is the distance that the paper writes, with a weight that it does not print, and
    `anchor=ball` the constraint that it derives it from. Supernets are validated with mean gates, not with drawn ones.
    Reference figures: CIFAR-10 error 2.54 +- 0.03 %, 4.0 M parameters; NAS-Bench-201 test accuracy 94.36 %, 73.51 % and
    46.34 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (paper).

    Args:
        alpha_lr: learning rate of alpha.
        anchor: "l2": weight decay of alpha, as in the authors' code; "kl": divergence from the uniform distribution;
            "distance": Euclidean distance of the concentrations from 1; "ball": no farther from 1 than `anchor_radius`.
        anchor_weight: factor of the anchor.
        anchor_radius: largest Euclidean distance of an edge's concentrations from 1 with "ball".
        channel_share: 1 / channel_share of the channels goes through the operations; must divide the width of every
            cell.
        warm_up: share of the epochs in which the weights learn alone; 10 of 50 in the authors' code.
        none: whether `none` is a candidate.
        derivative: how the gradient goes through a draw: "dirichlet": by the derivative of the distribution; "gamma":
            through the gamma variates of the draw, which varies more.
        derive: what edges are compared by in the end: "softmax" of alpha, as in the authors' code, or the "mean" gates.
    """
    penalties = {"kl": (DirichletAnchor(anchor_weight),), "distance": (DirichletDistance(anchor_weight),)}
    return Recipe(
        relaxation=Dirichlet(anchor_radius if anchor == "ball" else None, derivative),
        mixing=Mixing(channel_share=channel_share),
        without=() if none else ("none",),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=anchor_weight if anchor == "l2" else 0.0),
        penalties=penalties.get(anchor, ()),
        rules=(WarmUp(warm_up),),
        selection=StrongestSoftmax() if derive == "softmax" else StrongestEdges(),
        published_in={"nas-bench-201": {"epochs": 100, **IN_NAS_BENCH_201}},
    )
