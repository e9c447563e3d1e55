"""beta-DARTS++."""

from dartboard.parts import AdamUpdate, BetaDecay, FirstOrder, Flooding, NonNegative, Recipe, Softmax, method


@method("beta-darts-plus-plus", paper="arXiv:2301.06393", group="skips")
def beta_darts_plus_plus(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    decay: NonNegative = 25.0,
    flood: NonNegative = 0.1,
) -> Recipe:
    """beta-DARTS++: beta-DARTS, with a flood that keeps the loss of the weights from falling to zero.

    The penalty on alpha is that of `beta-darts`. The loss of the weights on each training batch is turned round below a
    level, so that it hovers there and the supernet does not overfit its half of the images (flooding,
    arXiv:2002.08709).

    The level of the paper is not known here: the authors' published code has no flooding, and no other source names it.
    The default is a choice of this project. The level must lie under the loss of the supernet on validation images,
    else the weights stop learning too early. A short search never comes near it, and then the flood has no effect; the
    run says so, and the events have the share of flooded batches in each epoch (`flooded_batches`).

    Differs from the paper: the level is not the paper's.
    Reference figures: none are known of this method. For those of the method without the flood see `beta-darts`.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        decay: weight of the penalty after the last epoch; it grows linearly from 0.
        flood: loss in nats below which the loss of the weights is turned round; 0: `beta-darts`.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        penalties=(BetaDecay(decay),),
        weight_penalties=(Flooding(flood),) if flood else (),
        published_in={"nas-bench-201": {"epochs": 100, "method.options.decay": 50.0}},
    )
