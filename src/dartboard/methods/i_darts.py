"""I-DARTS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    FirstOrder,
    NodeSoftmax,
    NonNegative,
    Recipe,
    StrongestEdges,
    StrongestPairs,
    method,
)


@method(
    "i-darts",
    paper=(
        "Jiang, Hu, Xiao, Zhang and Zhu, Improved Differentiable Architecture Search for Language Modeling and Named "
        "Entity Recognition, 2019"
    ),
    group="competition",
)
def i_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    pairs: Literal["distinct", "any"] = "distinct",
) -> Recipe:
    """I-DARTS: one softmax over all operations of all edges into a node.

    In DARTS the gates of different edges cannot be compared, since each edge has its own softmax. Here edges compete
    too, and a node may keep two operations from one predecessor (`pairs="any"`).

    Differs from the paper: the paper searches recurrent cells; the rules for such cells (one predecessor, never the
    input again) are left out, and the settings are those of DARTS. The paper has no figures for images.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        pairs: "distinct" keeps edges from different predecessors, as DARTS does; "any" keeps the same number of the
            strongest pairs of a predecessor and an operation, and needs a space that drops edges.
    """
    return Recipe(
        relaxation=NodeSoftmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges() if pairs == "distinct" else StrongestPairs(),
    )
