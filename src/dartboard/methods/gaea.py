"""GAEA."""

from typing import Literal

from dartboard.parts import (
    BestEpoch,
    EdgeSimplex,
    ExponentiatedUpdate,
    FirstOrder,
    NonNegative,
    Recipe,
    Simplex,
    method,
)
from dartboard.supernet import Mixing


@method("gaea", paper="arXiv:2004.07802")
def gaea(
    *,
    alpha_lr: NonNegative = 0.1,
    partial_channels: bool = False,
    images: Literal["halves", "same-images"] = "halves",
) -> Recipe:
    """GAEA: the gates are the parameters themselves, and move by exponentiated gradients.

    No softmax stands between alpha and the gates; a multiplicative step keeps every edge's gates a distribution, which
    becomes sparse faster than a softmax does.

    Differs from the paper: steps are bounded to a factor of e^30, far beyond any in practice; a search of NAS-Bench-201
    plans its cosine over the epochs it has, not over twice as many.

    Reference figures: with partial channels CIFAR-10 test error 2.50 +- 0.06 % with 3.7 M parameters, ImageNet top-1
    error 24.0 % (DARTS-PT thesis).

    Args:
        alpha_lr: learning rate of the exponentiated gradient.
        partial_channels: a quarter of the channels goes through the operations, and edges have weights, as in PC-DARTS;
            `none` is a candidate then, and otherwise is not.
        images: "halves" learns alpha from another half than the weights and keeps the epoch with the best validation
            accuracy; "same-images", the single-level form, from the weights' images in other batches, and keeps the
            last epoch.
    """
    return Recipe(
        relaxation=Simplex(),
        edges=EdgeSimplex() if partial_channels else None,
        mixing=Mixing(channel_share=4 if partial_channels else 1),
        without=() if partial_channels else ("none",),
        gradient=FirstOrder(),
        update=ExponentiatedUpdate(alpha_lr),
        images=images,
        rules=(BestEpoch(),) if images == "halves" else (),
        published={"batch_size": 256, "weight_lr": 0.1, "weight_lr_min": 0.0} if partial_channels else {},
    )
