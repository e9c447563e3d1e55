"""Single-DARTS."""

from typing import Literal

from dartboard.parts import AdamUpdate, FirstOrder, Images, NonNegative, Recipe, SgdUpdate, Sigmoid, Softmax, method


@method("single-darts", paper="arXiv:2108.08128", group="first")
def single_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 0.0,
    activation: Literal["sigmoid", "softmax"] = "sigmoid",
    start: Literal["share", "half"] = "share",
    images: Images = "same-batch",
    update: Literal["adam", "sgd"] = "adam",
) -> Recipe:
    """Single-DARTS: weights and alpha step at once, on the same batch, with sigmoid gates.

    If alpha learns from other images than the weights, operations with weights look like noise to alpha at first. A
    softmax then increases the gap until operations without weights win. One level and sigmoids remove both causes.

    Differs from the paper: alpha starts at -ln(n - 1) for n operations; for eight operations this is the -ln 7 of the
    paper. The gradient of the weights is clipped as in DARTS.

    Reference figures: NAS-Bench-201 test accuracy 94.36 / 73.51 / 46.34 % without variance over five searches, ImageNet
    top-1 77.0 % at best (the paper, table 1 and section 5).

    Args:
        alpha_lr: learning rate of alpha; the paper's ablation with "sgd" takes 0.005.
        alpha_weight_decay: L2 factor of alpha; above 0 it also moves alphas that get no other gradient, such as that of
            `none`.
        activation: "sigmoid", or "softmax" as in the ablation.
        start: initial value of sigmoid gates: "share": one over the number of operations; "half": one half.
        images: "same-batch", or for the ablation "same-images" (other batches of the same images) or "halves" (DARTS).
        update: "adam", or "sgd" as in the ablation.
    """
    return Recipe(
        relaxation=Sigmoid(start) if activation == "sigmoid" else Softmax(),
        gradient=FirstOrder(),
        update=(AdamUpdate if update == "adam" else SgdUpdate)(alpha_lr, weight_decay=alpha_weight_decay),
        images=images,
        published_in={"nas-bench-201": {"weight_lr": 0.005}},
    )
