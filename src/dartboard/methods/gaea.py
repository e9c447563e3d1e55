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


@method("gaea", paper="arXiv:2004.07802", group="competition")
def gaea(
    *,
    alpha_lr: NonNegative = 0.1,
    partial_channels: bool = False,
    images: Literal["halves", "same-images"] = "halves",
) -> Recipe:
    """GAEA: the gates themselves are the parameters, and exponentiated gradients update them.

    There is no softmax between alpha and the gates. A multiplicative step keeps the gates of every edge a distribution,
    and this distribution becomes sparse faster than that of a softmax.

    Differs from the paper: a step changes a gate by a factor of at most e^30, far more than occurs in practice; in
    NAS-Bench-201 the cosine of the learning rate spans the epochs of the search, not twice as many.

    Reference figures: with partial channels CIFAR-10 test error 2.50 +- 0.06 % with 3.7 M parameters, ImageNet top-1
    error 24.0 % (DARTS-PT thesis).

    Args:
        alpha_lr: learning rate of the exponentiated gradient.
        partial_channels: whether a quarter of the channels goes through the operations and edges have weights, as in
            PC-DARTS; `none` is a candidate only then.
        images: "halves": alpha and the weights learn from different halves of the images, and the epoch with the best
            validation accuracy is kept; "same-images" (single level): both learn from the same images in different
            batches, and the last epoch is kept.
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
        published_in={} if partial_channels else {"nas-bench-201": {"epochs": 25, "init_channels": 24}},
    )
