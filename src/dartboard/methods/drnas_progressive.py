"""DrNAS in stages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from dartboard.methods.drnas import drnas
from dartboard.parts import Count, KeepStrongest, NonNegative, Positive, Recipe, Share, Stage, method, needs

_PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "darts": {"init_channels": 36, "layers": 20, "weight_lr": 0.1, "weight_lr_min": 0.0},
    "nas-bench-201": {
        "epochs": 100,
        "init_channels": 16,
        "layers": 5,
        "method.options.alpha_lr": 3e-4,
        "method.options.channel_shares": (4, 2),
        "method.options.kept_ops": 3,
        "method.options.warm_up": 0.2,
        "method.options.none": True,
    },
}


@method("drnas-progressive", paper="arXiv:2006.10355", group="steps")
@needs(anchor_weight="anchor!=ball", anchor_radius="anchor=ball")
def drnas_progressive(
    *,
    alpha_lr: NonNegative = 6e-4,
    anchor: Literal["l2", "kl", "distance", "ball"] = "l2",
    anchor_weight: NonNegative = 1e-3,
    anchor_radius: Positive = 1.0,
    channel_shares: tuple[Count, Count] = (6, 4),
    kept_ops: Count = 4,
    warm_up: Share = 0.4,
    none: bool = False,
    derive: Literal["softmax", "mean"] = "softmax",
) -> Recipe:
    """DrNAS in two stages: first all operations on few channels, then the best operations on more channels.

    The second stage continues with the weights, alphas and momentum of the first. Its operations are widened by copies
    of random channels (Net2Wider). The learning rate of the weights falls over both stages.

    The defaults are those of the paper for the space `darts` with 36 channels and 20 cells, and in NAS-Bench-201 those
    of its script there: 50 + 50 epochs with a quarter and then half of the channels, 5 and then 3 operations. Where 6
    does not divide another width, take `channel_shares=[4, 2]`.

    On ImageNet the paper searches with 48 channels, 14 cells and batches of 512, `search.image_shares=[0.1,0.025]`,
    `search.weight_lr=0.5`, `search.weight_lr_warmup=0.1` and the options `alpha_lr=0.006` and `channel_shares=[6,3]`.

    Differs from the paper: the channels to copy are drawn once for every pair of widths, not for every layer.
    Reference figures: CIFAR-10 error 2.46 +- 0.03 %, 4.1 M parameters; ImageNet 23.7 / 7.1 % top-1 / top-5 (paper).

    Args:
        alpha_lr: learning rate of alpha.
        anchor: what keeps alpha near its start, as in `drnas`.
        anchor_weight: factor of the anchor.
        anchor_radius: as in `drnas`.
        channel_shares: `channel_share` of `drnas` in the first and in the second stage.
        kept_ops: number of operations that an edge keeps for the second stage.
        warm_up: share of each stage's epochs in which the weights learn alone; 10 of 25 in the authors' code.
        none: whether `none` is a candidate.
        derive: what edges are compared by in the end, as in `drnas`.
    """
    first, second = (
        replace(
            drnas(
                alpha_lr=alpha_lr,
                anchor=anchor,
                anchor_weight=anchor_weight,
                anchor_radius=anchor_radius,
                channel_share=share,
                warm_up=warm_up,
                none=none,
                derive=derive,
            ),
            restarts_rate=False,
        )
        for share in channel_shares
    )
    earlier = (Stage(first, 1 / 2, KeepStrongest(kept_ops), leaves="everything"),)
    return replace(second, earlier=earlier, published_in=_PUBLISHED)
