"""Single-DARTS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    FirstOrder,
    Images,
    NonNegative,
    Recipe,
    SgdUpdate,
    Share,
    Sigmoid,
    Softmax,
    method,
    needs,
)

_MATCHED: dict[str, Images] = {"same-batch": "half-batch", "same-images": "half-images"}


@method("single-darts", paper="arXiv:2108.08128", group="first")
@needs(start="activation=sigmoid", alpha_momentum="update=sgd", matched="images!=halves")
def single_darts(
    *,
    update: Literal["adam", "sgd"] = "adam",
    alpha_lr: NonNegative | None = None,
    alpha_weight_decay: NonNegative | None = None,
    alpha_momentum: Share = 0.9,
    activation: Literal["sigmoid", "softmax"] = "sigmoid",
    start: Literal["share", "half", "ln7"] = "share",
    images: Literal["same-batch", "same-images", "halves"] = "same-batch",
    matched: bool = False,
) -> Recipe:
    """Single-DARTS: weights and alpha step at once, on the same batch, with sigmoid gates.

    If alpha learns from other images than the weights, operations with weights look like noise to alpha at first. A
    softmax then increases the gap until operations without weights win. One level and sigmoids remove both causes.

    The weights begin at a rate of 0.005 in NAS-Bench-201 and of 0.025 in other spaces, where the paper searches
    ImageNet in batches of 360; on smaller data the batches have 64 images, as in DARTS.

    Differs from the paper: alpha starts at -ln(n - 1) for n operations; for eight operations this is the -ln 7 of the
    paper, which `start=ln7` takes for any number. The gradient of the weights is clipped as in DARTS, and their rate
    ends at 0.001, since the paper names no end.

    Reference figures: NAS-Bench-201 test accuracy 94.36 / 73.51 / 46.34 % without variance over five searches, ImageNet
    top-1 77.0 % at best (the paper, table 1 and section 5).

    Args:
        update: "adam", or "sgd" as in the ablation, which moves the weights and alpha by the same rule.
        alpha_lr: learning rate of alpha; null: 3e-4 with "adam", 0.005 with "sgd".
        alpha_weight_decay: L2 factor of alpha; above 0 it also moves alphas that get no other gradient, such as that of
            `none`. null: 0 with "adam", 3e-4 with "sgd".
        alpha_momentum: momentum of alpha with "sgd".
        activation: "sigmoid", or "softmax" as in the ablation.
        start: initial value of sigmoid gates: "share": one over the number of operations; "half": one half; "ln7": one
            eighth.
        images: "same-batch", or for the ablation "same-images" (other batches of the same images) or "halves" (DARTS).
        matched: whether a search on one level learns only from the half on which "halves" trains the weights. Then the
            three values of `images` have equal images and steps.
    """
    by_adam = update == "adam"
    rate = (3e-4 if by_adam else 5e-3) if alpha_lr is None else alpha_lr
    decay = (0.0 if by_adam else 3e-4) if alpha_weight_decay is None else alpha_weight_decay
    return Recipe(
        relaxation=Sigmoid(start) if activation == "sigmoid" else Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(rate, weight_decay=decay) if by_adam else SgdUpdate(rate, alpha_momentum, decay),
        images=_MATCHED.get(images, images) if matched else images,
        published_in={
            "nas-bench-201": {"weight_lr": 0.005, "batch_size": 64},
            "preset:darts-imagenet": {"batch_size": 360, "train.batch_size": 768, "train.lr": 0.375},
        },
    )
