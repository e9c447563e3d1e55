"""ProxylessNAS."""

from typing import Annotated, Literal

from pydantic import Field

from dartboard.search import (
    AdamUpdate,
    BinaryGates,
    CostFactor,
    CostTerm,
    Count,
    FirstOrder,
    NonNegative,
    Recipe,
    Reinforce,
    SparseAlpha,
    WarmUp,
    method,
)


@method("proxyless", paper="arXiv:1812.00332")
def proxyless(
    *,
    alpha_lr: NonNegative = 1e-3,
    gradient: Literal["two", "full", "reinforce"] = "two",
    alpha_every: Count = 5,
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 41 / 160,
    cost_reference: Annotated[float, Field(gt=1, allow_inf_nan=False)] | None = None,
    cost_form: Literal["mul#log", "add#linear"] = "mul#log",
    cost_strength: NonNegative | None = None,
) -> Recipe:
    """ProxylessNAS: binary gates run one operation of each edge for the weights, and two for alpha.

    What is trained is always a network that the search may end with, and takes its memory; gates of 0 and 1 pass their
    gradient on to the probabilities from which they are drawn.

    Differs from the paper: one cosine of the learning rate, where the authors begin a second one after the warm-up; no
    label smoothing, no Nesterov momentum; the expected cost is over all operations whatever is drawn.

    Reference figures: CIFAR-10 error 2.08 %, 5.7 M parameters, ImageNet top-1 75.1 %, in spaces of its own (the paper).

    Args:
        alpha_lr: learning rate of alpha, which has no decay.
        gradient: of gates, running "two" operations of an edge or "full", all of them; or "reinforce", by rewards.
        alpha_every: steps of the weights for one of alpha.
        warm_up: share of the epochs in which the weights learn alone: 40 of 160, and the first epoch of the search.
        cost_reference: multiply-adds that the network of the search should have; None: cost does not count.
        cost_form: how cost joins the loss: `CostFactor` or `CostTerm`; a reward is always multiplied (`Reinforce`).
        cost_strength: power of that factor, or weight of the term; None: those of the paper, 0.3, 0.1 and 0.1.
    """
    form = "reward" if gradient == "reinforce" else cost_form
    strength = {"mul#log": 0.3, "add#linear": 0.1, "reward": 0.1}[form] if cost_strength is None else cost_strength
    penalty = CostFactor if form == "mul#log" else CostTerm
    by_reward = Reinforce(cost_reference=cost_reference, cost_power=strength)
    return Recipe(
        relaxation=BinaryGates("full" if gradient == "full" else "two"),
        gradient=by_reward if form == "reward" else FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, betas=(0.0, 0.999), weight_decay=0.0),
        penalties=() if form == "reward" or cost_reference is None else (penalty(cost_reference, strength),),
        rules=(WarmUp(warm_up), SparseAlpha(alpha_every)),
        published={"epochs": 160, "batch_size": 256, "weight_decay": 4e-5},
    )
