"""GDAS."""

from dartboard.parts import (
    AdamUpdate,
    FirstOrder,
    HardGumbel,
    LinearCooling,
    NonNegative,
    Positive,
    Recipe,
    StrongestEdges,
    StrongestPairs,
    method,
)


@method("gdas", paper="arXiv:1910.04465", group="memory")
def gdas(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    temperatures: tuple[Positive, Positive] = (10.0, 0.1),
    allow_same_source: bool = False,
) -> Recipe:
    """GDAS: every step runs one operation per edge, drawn by the Gumbel trick.

    The gradient goes straight through the draw (straight-through estimator), so operations that were not run get a
    gradient too. A step takes about the time and memory of a step of a discrete cell with all edges.

    Where `none` may be chosen, as in NAS-Bench-201, it has an advantage over harmful operations. When it is drawn it
    adds nothing, and a harmful operation raises the loss. Operations that are not drawn all get the same gradient, that
    of a constant added to the output.

    Differs from the paper: alpha steps before the weights, as in all methods here; the two inputs of a node come from
    different nodes.
    Reference figures: CIFAR-10 error 2.93 %, 3.4 M parameters (paper); NAS-Bench-201 test accuracy 93.51 +- 0.13 %,
    70.61 % and 41.84 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (table of Single-DARTS).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        temperatures: temperature of the draws in the first and in the last epoch.
        allow_same_source: whether both inputs of a node may come from the same node, as in the authors' code.
    """
    return Recipe(
        relaxation=HardGumbel(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(LinearCooling(*temperatures),),
        selection=StrongestPairs() if allow_same_source else StrongestEdges(),
        published={"epochs": 250},
        published_in={"darts": {"batch_size": 256}, "nas-bench-201": {"weight_decay": 5e-4}},
    )
