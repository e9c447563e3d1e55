"""P-DARTS."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from dartboard.parts import (
    AdamUpdate,
    Count,
    FadingSkipDropout,
    FirstOrder,
    KeepStrongest,
    NonNegative,
    Recipe,
    SkipCap,
    Stage,
    WarmUp,
    WithAttention,
    method,
)
from dartboard.space import ATTENTION
from dartboard.supernet import Mixing

Probability = Annotated[float, Field(ge=0, lt=1)]


@method("p-darts", paper="arXiv:1904.12760", group="steps")
def p_darts(
    *,
    alpha_lr: NonNegative = 6e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    skip_dropout: tuple[Probability, Probability, Probability] = (0.1, 0.4, 0.7),
    max_skips: Annotated[int, Field(ge=0)] = 2,
    deeper: tuple[Count, Count] = (2, 4),
    attention: bool = False,
) -> Recipe:
    """P-DARTS: three stages, each with a deeper supernet and fewer operations than the one before.

    In DARTS the stages have 5, 11 and 17 cells; an edge has all operations, then the 5 with the largest gates, then the
    3. Dropout after skip connections fades in every stage. Normal cells end with at most `max_skips` skip connections.
    Presets that are small on purpose take 5, 8 and 11 cells.

    Differs from the paper: dropout as in the authors' command; `none` can be chosen where the space allows it in cells;
    in spaces with one kind of cells, `max_skips` limits that kind.
    Reference figures: CIFAR-10 error 2.50 %, 3.4 M parameters; ImageNet 24.4 / 7.4 % top-1 / top-5 (DrNAS thesis).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        skip_dropout: dropout probability at the start of each stage.
        max_skips: largest number of skip connections in the normal cell.
        deeper: how many more cells the second and the third supernet have than the first, in every group between
            reductions.
        attention: search the attention modules of Att-DARTS (arXiv:2006.12874) behind the operations of every edge, in
            all stages; the last one chooses them. No paper has figures for it.
    """
    chosen = WithAttention(SkipCap(max_skips), ATTENTION) if attention else SkipCap(max_skips)
    stages = [
        Recipe(
            mixing=Mixing(attention=ATTENTION if attention else ()),
            gradient=FirstOrder(),
            update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay, grad_clip=5.0),
            rules=(WarmUp(10 / 25), FadingSkipDropout(start, 10 / 25)),
            selection=chosen,
            deeper=more,
            published={"epochs": 75, "batch_size": 96, "weight_lr_min": 0.0},
            published_in={"darts": {"init_channels": 16, "layers": 5, "method.options.deeper": (2, 4)}},
            smallest={"darts": {"layers": 5}, "": {"method.options.deeper": (1, 2)}},
        )
        for start, more in zip(skip_dropout, (0, *deeper), strict=True)
    ]
    earlier = (Stage(stages[0], 1 / 3, KeepStrongest(5)), Stage(stages[1], 1 / 3, KeepStrongest(3)))
    return replace(stages[2], earlier=earlier)
