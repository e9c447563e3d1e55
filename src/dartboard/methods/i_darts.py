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
)
def i_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    pairs: Literal["distinct", "any"] = "distinct",
) -> Recipe:
    """I-DARTS: one softmax over all operations of all edges into a node.

    In DARTS the gates of different edges cannot be compared, since each edge has a softmax of its own; here edges
    compete as well, and two operations may come from one predecessor.

    Differs from the paper: it searches recurrent cells; what is particular to them (one predecessor, never the input
    again) is left out, and the settings are those of DARTS. The paper has no figures for images.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: its L2 factor.
        pairs: "distinct" keeps edges from different predecessors, as DARTS does; "any" the strongest pairs of
            predecessor and operation, as many, which needs a space that drops edges.
    """
    return Recipe(
        relaxation=NodeSoftmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges() if pairs == "distinct" else StrongestPairs(),
    )
