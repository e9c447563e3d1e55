"""ProxylessNAS."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    BinaryGates,
    Count,
    ExpectedCost,
    FirstOrder,
    NonNegative,
    Positive,
    Recipe,
    Reinforce,
    Share,
    SparseAlpha,
    WarmUp,
    method,
    needs,
)


@method("proxyless", paper="arXiv:1812.00332", group="memory")
@needs(cost_form=("cost_reference", "gradient!=reinforce"), cost_strength="cost_reference")
def proxyless(
    *,
    alpha_lr: NonNegative = 1e-3,
    gradient: Literal["two", "full", "reinforce"] = "two",
    alpha_every: Count = 5,
    warm_up: Share = 41 / 160,
    cost_reference: Positive | None = None,
    cost_form: Literal["mul#log", "add#linear"] = "mul#log",
    cost_strength: NonNegative = 1.0,
) -> Recipe:
    """ProxylessNAS: binary gates; a weight step runs one operation per edge, an alpha step two.

    A weight step trains one discrete network and needs only its memory. The gates pass their gradient on to alpha.

    Differs from the paper: one cosine of the learning rate, while the authors begin a second one after the warm-up; no
    label smoothing, no Nesterov momentum; the expected cost counts all operations, not only the drawn ones.
    Reference figures: CIFAR-10 error 2.08 %, 5.7 M parameters, ImageNet top-1 75.1 %, in spaces of its own (the paper).

    Args:
        alpha_lr: learning rate of alpha, which has no decay.
        gradient: of the gates, with "two" or all ("full") operations of an edge run, or by rewards ("reinforce").
        alpha_every: number of weight steps for each step of alpha.
        warm_up: share of the epochs in which the weights learn alone: 40 of 160, and the first epoch of the search.
        cost_reference: wanted multiply-adds of a network of the size of the supernet; None: cost does not count.
        cost_form: how cost joins the loss (`ExpectedCost`); a reward is always multiplied (`Reinforce`).
        cost_strength: multiplies the exponents of mul#log (0.3) and rewards (0.1), and the weight of add#linear (0.1).
    """
    by_reward = gradient == "reinforce"
    cost = ExpectedCost(cost_reference, cost_form, cost_strength) if cost_reference and not by_reward else None
    return Recipe(
        relaxation=BinaryGates("full" if gradient == "full" else "two"),
        gradient=Reinforce(cost_reference, 0.1 * cost_strength) if by_reward else FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, betas=(0.0, 0.999), weight_decay=0.0),
        penalties=(cost,) if cost else (),
        rules=(WarmUp(warm_up), SparseAlpha(alpha_every)),
        published={"epochs": 160, "batch_size": 256, "weight_decay": 4e-5},
    )
