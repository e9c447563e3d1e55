"""SNAS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    Concrete,
    Dropping,
    EveryEdge,
    ExpectedResources,
    FirstOrder,
    GrowDropping,
    LinearCooling,
    NonNegative,
    Positive,
    Recipe,
    Share,
    StrongestEdges,
    method,
)


@method("snas", paper="arXiv:1812.09926", group="exploration")
def snas(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    temperatures: tuple[Positive, Positive] = (1.0, 0.03),
    level: Literal["single", "bi"] = "single",
    drop_path: Share = 0.3,
    keep_all_edges: bool = False,
    resource_weight: NonNegative = 0.0,
) -> Recipe:
    """SNAS: gates are drawn from a concrete distribution that hardens as it cools down.

    Differs from the paper: a node keeps its two strongest edges, like the cells of other methods, unless
    `keep_all_edges` is set; the chance of dropping paths grows from 0; resources are weighted with mean gates.
    Reference figures: CIFAR-10 error 2.85 +- 0.02 %, 2.8 M parameters (paper); NAS-Bench-201 test accuracy
    92.77 +- 0.83 %, 69.34 +- 1.98 % and 43.16 +- 2.64 % on CIFAR-10, CIFAR-100 and ImageNet16-120 (DrNAS, two levels).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        temperatures: temperature of the distribution in the first epoch and in the epoch after the last.
        level: "single": alpha and weights learn from the same batches; "bi": from different halves of the images.
        drop_path: chance that an image loses an edge, in the last epoch.
        keep_all_edges: whether every edge whose best operation is not `none` stays, as in the paper.
        resource_weight: weight of parameters, multiply-adds and memory (`ExpectedResources`); 1.5e-3 is mild.
    """
    return Recipe(
        relaxation=Concrete(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay, grad_clip=10.0),
        penalties=(ExpectedResources(resource_weight),) if resource_weight else (),
        images="same-batch" if level == "single" else "halves",
        rules=(LinearCooling(*temperatures, arrives=False), GrowDropping(Dropping(drop_path))),
        selection=EveryEdge() if keep_all_edges else StrongestEdges(),
        published={"epochs": 150},
    )
