"""beta-DARTS."""

from dartboard.parts import AdamUpdate, BetaDecay, FirstOrder, NonNegative, Recipe, Softmax, method


@method("beta-darts", paper="arXiv:2203.01665", group="skips")
def beta_darts(
    *, alpha_lr: NonNegative = 3e-4, alpha_weight_decay: NonNegative = 1e-3, decay: NonNegative = 25.0
) -> Recipe:
    """beta-DARTS: DARTS with a penalty, the log-sum-exp of alpha; the weight of the penalty grows over the search.

    The penalty keeps the gates of an edge similar. So an operation cannot win early only because it learns fast.

    Differs from the paper: nothing known. The weight of the penalty grows by 0.5 per epoch, as in the authors' code: to
    25 over the default 50 epochs, and to 50 over the 100 epochs of the paper in NAS-Bench-201. Adam rescales the sum of
    both gradients, so only the ratio of the penalty to the loss matters.

    Reference figures: CIFAR-10 test accuracy 97.47 +- 0.08 %, CIFAR-100 83.76 +- 0.22 % (HyperDARTS thesis, table 23).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        decay: weight of the penalty after the last epoch; it grows linearly from 0.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        penalties=(BetaDecay(decay),),
        published_in={"nas-bench-201": {"epochs": 100, "method.options.decay": 50.0}},
    )
