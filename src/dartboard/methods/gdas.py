"""GDAS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    FirstOrder,
    HardGumbel,
    LinearCooling,
    NonNegative,
    Positive,
    Recipe,
    ReinMax,
    StrongestEdges,
    StrongestPairs,
    method,
)


@method("gdas", paper="arXiv:1910.04465", group="memory")
def gdas(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    estimator: Literal["gumbel", "reinmax-one", "reinmax-all"] = "gumbel",
    temperatures: tuple[Positive, Positive] | None = None,
    allow_same_source: bool = False,
) -> Recipe:
    """GDAS: every step runs one operation per edge, drawn by the Gumbel trick.

    The gradient goes straight through the draw (straight-through estimator), so operations that were not run get a
    gradient too. A step takes about the time and memory of a step of a discrete cell with all edges.

    Where `none` may be chosen, as in NAS-Bench-201, it gains on harmful operations: when it is drawn it adds nothing,
    and they raise the loss. What is not drawn gets the same gradient, that of a constant added to the output. ReinMax
    (arXiv:2304.08612) draws without a temperature; its gradient is right to second order where all operations run in a
    step of alpha. No search of architectures with it is published, so its worth for one is not known.

    Differs from the paper: alpha steps before the weights, as in all methods; a node has inputs from different nodes.
    Reference figures: CIFAR-10 error 2.93 %, 3.4 M parameters (paper); NAS-Bench-201 test accuracy 93.51 +- 0.13 %,
    70.61 % and 41.84 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (table of Single-DARTS).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        estimator: how the gradient passes the draw: "gumbel" as in the paper; "reinmax-all": ReinMax as published, at
            the cost of a step of DARTS; "reinmax-one": ReinMax while only the operation drawn runs.
        temperatures: in the first and last epoch; null: 10 and 0.1, with ReinMax, which takes none below 1, 1 and 1.
        allow_same_source: whether both inputs of a node may come from the same node, as in the authors' code.
    """
    relaxations = {"gumbel": HardGumbel(), "reinmax-one": ReinMax("one"), "reinmax-all": ReinMax("all")}
    return Recipe(
        relaxation=relaxations[estimator],
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(LinearCooling(*(temperatures or ((10.0, 0.1) if estimator == "gumbel" else (1.0, 1.0)))),),
        selection=StrongestPairs() if allow_same_source else StrongestEdges(),
        published={"epochs": 250},
        published_in={"darts": {"batch_size": 256}, "nas-bench-201": {"weight_decay": 5e-4}},
    )
