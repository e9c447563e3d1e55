"""DARTS+."""

from typing import Annotated, Literal

from pydantic import Field

from dartboard.parts import (
    AdamUpdate,
    Count,
    FirstOrder,
    NonNegative,
    Recipe,
    Softmax,
    StopAtSkips,
    StopAtStableRanking,
    method,
    needs,
)


@method("darts-plus", paper="arXiv:1909.06035", group="skips")
@needs(skips="criterion=skips", keep="criterion=skips", unchanged="criterion=ranking")
def darts_plus(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    criterion: Literal["skips", "ranking"] = "skips",
    skips: Count = 2,
    keep: Literal["stopping", "previous"] = "stopping",
    unchanged: Annotated[float, Field(gt=0, le=1)] = 0.2,
) -> Recipe:
    """DARTS+: DARTS that stops before skip connections take over.

    Late in a search the supernet favours skip connections. So the search ends when the derived normal cell holds two
    skip connections, or when the ranking of the learnable operations no longer changes.

    Differs from the paper: three choices that the paper leaves open: the epoch that reaches the limit is kept, only the
    ranking in normal cells counts, and the 10 epochs without a change are a fifth of all epochs.

    Reference figures: CIFAR-10 test error 2.32 %, CIFAR-100 14.87 %, ImageNet top-1 error 23.7 % (the paper's abstract;
    best runs, with longer training).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        criterion: "skips" counts skip connections; "ranking" waits until the ranking of the learnable operations is
            stable.
        skips: number of skip connections that stops the search, with "skips".
        keep: with "skips": the architecture of the epoch that stopped the search, or of the epoch before.
        unchanged: with "ranking": share of the epochs in which the ranking must not have changed.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(StopAtSkips(skips, keep) if criterion == "skips" else StopAtStableRanking(unchanged),),
    )
