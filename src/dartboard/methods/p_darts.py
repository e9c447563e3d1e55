"""P-DARTS."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from dartboard.search import (
    AdamUpdate,
    FadingSkipDropout,
    FirstOrder,
    KeepStrongest,
    NonNegative,
    Recipe,
    SkipCap,
    Stage,
    WarmUp,
    method,
)

Kept = Annotated[int, Field(ge=3)]
"""With three operations an edge keeps one that is neither `none` nor a skip connection."""
Probability = Annotated[float, Field(ge=0, lt=1)]

RESTING = 10 / 25


@method("p-darts", paper="arXiv:1904.12760")
def p_darts(
    *,
    alpha_lr: NonNegative = 6e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    kept: tuple[Kept, Kept] = (5, 3),
    skip_dropout: tuple[Probability, Probability, Probability] = (0.1, 0.4, 0.7),
    max_skips: Annotated[int, Field(ge=0)] = 2,
) -> Recipe:
    """P-DARTS: three stages, each with a deeper supernet and fewer operations than the one before.

    Depth approaches that of the discrete network while the candidates with the smallest gates drop out, edge by edge.
    Dropout behind skip connections fades in every stage, and normal cells end with a few skip connections at most.

    Differs from the paper: dropout as in the command of the authors' repository, where the paper has 0, 0.4 and 0.7
    on CIFAR-10; where a space lets cells take `none`, it competes to the end; spaces without normal cells are capped in
    their only kind of cells. Stages have 2 cells more per group than the one before: 5, 11 and 17 cells of DARTS.

    Reference figures: CIFAR-10 error 2.50 %, 3.4 M parameters; ImageNet top-1 / top-5 error 24.4 / 7.4 %, 4.9 M
    (the paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        kept: operations that an edge keeps after the first and after the second stage.
        skip_dropout: probability at first in every stage.
        max_skips: skip connections in the normal cell at most.
    """
    stages = [
        Recipe(
            gradient=FirstOrder(),
            update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay, grad_clip=5.0),
            rules=(WarmUp(RESTING), FadingSkipDropout(start, RESTING)),
            selection=SkipCap(max_skips),
            deeper=deeper,
        )
        for start, deeper in zip(skip_dropout, (0, 2, 4), strict=True)
    ]
    earlier = tuple(Stage(stage, 1 / 3, KeepStrongest(count)) for stage, count in zip(stages[:2], kept, strict=True))
    published = {"epochs": 75, "layers": 5, "batch_size": 96, "weight_lr_min": 0.0}
    return replace(stages[2], earlier=earlier, published=published)
