"""SGAS."""

from typing import Annotated, Literal

from pydantic import Field

from dartboard.parts import (
    AdamUpdate,
    Count,
    DecideGreedily,
    FirstOrder,
    NonNegative,
    Recipe,
    Share,
    Softmax,
    WarmUp,
    method,
    needs,
)


@method("sgas", paper="arXiv:1912.00195", group="steps")
@needs(history="criterion=2")
def sgas(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    criterion: Literal[1, 2] = 1,
    history: Count = 4,
    first_decision: Share = 9 / 50,
    last_decision: Share = 44 / 50,
    more_images: Annotated[int, Field(ge=0)] = 8,
) -> Recipe:
    """SGAS: edges are decided one after the other during the search; the most important and certain edge comes first.

    A decided edge keeps one operation and is no longer searched. So the supernet shrinks towards the final network, and
    the final choice is the network that has been trained.

    Differs from the paper: only the number of images limits the growing batches, not the memory; in spaces that keep
    every edge, each edge is decided once and `none` may be chosen.
    Reference figures: CIFAR-10 error 2.66 +- 0.24 %, 3.7 M parameters in 0.25 GPU days (criterion 1, ten searches; the
    paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        criterion: 1: importance and certainty of an edge; 2: also the stability of the gates of its operations.
        history: number of earlier epochs with which criterion 2 compares.
        first_decision: share of the epochs at which the first edge is decided; alpha does not learn before.
        last_decision: share of the epochs at which the last edge is decided.
        more_images: number of images that every decision adds to a batch.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(
            WarmUp(first_decision),
            DecideGreedily(criterion, history, first_decision, last_decision, more_images),
        ),
    )
