"""Att-DARTS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    AmongCandidates,
    FirstOrder,
    NonNegative,
    Recipe,
    Softmax,
    StrongestEdges,
    Unrolled,
    WithAttention,
    method,
)
from dartboard.space import ATTENTION, MODULES
from dartboard.supernet import Mixing

_OPERATIONS = (
    *("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect"),
    *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
)
Position = Literal["after_every", "end", "after_every_and_end", "mixed_with_operation", "double_mixed", "no_attention"]


@method("att-darts", paper="arXiv:2006.12874", group="attention")
def att_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    order: Literal["second", "first"] = "second",
    position: Position = "after_every",
) -> Recipe:
    """Att-DARTS: every edge is an operation followed by an attention module, and both are searched.

    The mixed output of an edge goes through six attention operations. A second set of parameters, with a softmax for
    every edge, mixes them. The genotype names an attention behind every operation.

    Differs from the paper: the hidden layer of an attention has max(1, channels // 16) units; the authors' code needs
    at least 16 channels.
    Reference figures: CIFAR-10 error 2.54 +- 0.10 %, CIFAR-100 16.54 +- 0.40 %, 3.2 M parameters; ImageNet 26.0 / 8.5 %
    top-1 / top-5 error, 4.6 M (authors' repository).

    Args:
        alpha_lr: learning rate of both sets of parameters.
        alpha_weight_decay: L2 factor of both sets of parameters.
        order: "second" differentiates through a virtual weight step, as the authors do; "first" takes one pass instead
            of four.
        position: where attention is searched, as in the authors' code: "after_every" operation; at the "end" of every
            cell, on its joined nodes; "after_every_and_end"; "mixed_with_operation": as candidates beside the
            operations, in the space `darts:attention=candidates`; "double_mixed": such candidates, followed by a second
            mixture of the 13; "no_attention": DARTS.
    """
    behind = {
        "after_every": ATTENTION,
        "after_every_and_end": ATTENTION,
        "double_mixed": (*_OPERATIONS, *MODULES),
    }.get(position, ())
    end = ATTENTION if position in ("end", "after_every_and_end") else ()
    competes = position in ("mixed_with_operation", "double_mixed")
    selection = AmongCandidates(StrongestEdges(), MODULES) if competes else StrongestEdges()
    return Recipe(
        relaxation=Softmax(),
        mixing=Mixing(attention=behind, end=end),
        gradient=Unrolled() if order == "second" else FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=WithAttention(selection, behind, end) if behind or end else selection,
    )
