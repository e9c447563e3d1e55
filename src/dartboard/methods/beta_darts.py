"""beta-DARTS."""

from dartboard.parts import AdamUpdate, BetaDecay, FirstOrder, NonNegative, Recipe, Softmax, method


@method("beta-darts", paper="arXiv:2203.01665")
def beta_darts(
    *, alpha_lr: NonNegative = 3e-4, alpha_weight_decay: NonNegative = 1e-3, decay: NonNegative = 25.0
) -> Recipe:
    """beta-DARTS: DARTS with a decay of the softmax itself, a log-sum-exp of alpha that grows over the search.

    The decay keeps the gates of an edge alike and small in variance, so that no operation wins early because it learns
    fast.

    Differs from the paper: nothing known. The decay grows by half a unit an epoch, as in the authors' code: to 25 over
    the default 50 epochs; the paper's 100 epochs in NAS-Bench-201 take 50. Adam rescales the sum of both gradients, so
    the decay acts through its ratio to the loss.

    Reference figures: CIFAR-10 test accuracy 97.47 +- 0.08 %, CIFAR-100 83.76 +- 0.22 % (HyperDARTS thesis, table 23).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: its L2 factor.
        decay: factor of the decay after the last epoch; it grows linearly from 0.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        penalties=(BetaDecay(decay),),
    )
