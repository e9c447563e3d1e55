"""CDARTS."""

from dartboard.parts import (
    AdamUpdate,
    Count,
    Distillation,
    FadingMagnitude,
    FirstOrder,
    NonNegative,
    Positive,
    Recipe,
    Share,
    WarmUp,
    method,
    needs,
)


@method("cdarts", paper="arXiv:2006.10724", group="steps")
@needs(penalty_fades="penalty>0")
def cdarts(
    *,
    alpha_lr: NonNegative = 3e-4,
    warm_up: Share = 2 / 32,
    deeper: Count = 4,
    companion_lr: NonNegative = 0.2,
    distillation: Positive = 1.0,
    temperature: Positive = 2.0,
    penalty: NonNegative = 5.0,
    penalty_fades: Positive = 0.2,
) -> Recipe:
    """CDARTS: the supernet and a deep network of the architecture found so far teach each other.

    Alpha minimises the losses of both networks and the difference of their outputs. So it prefers operations that are
    good in a deep network too, not only in the shallow supernet. The deep network follows alpha in every epoch.

    Differs from the paper: the deep network has its own weights for all operations and switches between them (nni);
    each network has its own stem; the heads of both learn with the deep network.

    Reference figures: CIFAR-10 97.52 +- 0.04 %, 3.8 M parameters, ImageNet top-1 76.3 %; NAS-Bench-201 test accuracy
    94.02 +- 0.31 / 71.92 / 45.51 % (the paper).

    Args:
        alpha_lr: learning rate of alpha, which has no decay.
        warm_up: share of the epochs in which only the supernet learns; 2 of 32.
        deeper: additional cells of the deep network in every group between reductions; 4 turn 8 cells into 20.
        companion_lr: learning rate of the deep network at the start.
        distillation: weight of the difference of the outputs; the losses of both networks are divided by it.
        temperature: temperature of the softmax with which the outputs are compared.
        penalty: weight, at first, of the sum of |alpha| over poolings and skip connections.
        penalty_fades: share of the epochs after the warm-up in which the penalty falls to 0.
    """
    end = warm_up + penalty_fades * (1 - warm_up)
    return Recipe(
        companion=Distillation(deeper, companion_lr, distillation, temperature),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=0.0),
        penalties=(FadingMagnitude(penalty, warm_up, end),),
        rules=(WarmUp(warm_up),),
        published={"epochs": 32, "weight_lr": 0.2, "batch_size": 256},
    )
