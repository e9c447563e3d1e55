"""HyperDARTS with a linear hypernetwork."""

from typing import Literal

from dartboard.parts import (
    AdamUpdate,
    DenseHypernetwork,
    FirstOrder,
    NonNegative,
    Recipe,
    Softmax,
    StrongestEdges,
    method,
)


@method("hyperdarts-1", paper="HyperDARTS (thesis)", group="response")
def hyperdarts_1(
    *,
    alpha_lr: NonNegative = 6e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    hyper_direct_grad: bool = True,
    outside: Literal["own", "generated"] = "own",
    lambda_noise: NonNegative = 0.0,
) -> Recipe:
    """HyperDARTS-1: a linear hypernetwork generates the weights of candidate operations from alpha.

    The gradient of alpha goes through the hypernetwork. So it includes the response of the weights to alpha without a
    virtual weight step. The hypernetwork has 113 weights for every weight that it generates: 207 million for the
    supernet of DARTS.

    Differs from the source: alpha also gets the direct gradient through its gates; the thesis takes this gradient for
    zero and leaves it out, but it is not zero. The thesis does not give the initial weights; here they are such that
    the supernet starts as that of DARTS. The thesis chooses among four searches: `--seeds 2,20,200,2000 --choose
    hyperdarts-rule` does the same.

    Reference figures: test accuracy on CIFAR-10 97.40 +- 0.08 %, on CIFAR-100 83.38 +- 0.25 %, in 47 hours on a GTX
    1080 Ti for four searches (the thesis). These are means of every network's best epoch on the test images, so an
    upper end, which accuracies after the last epoch do not reach.

    Args:
        alpha_lr: learning rate of Adam on alpha.
        alpha_weight_decay: L2 factor of alpha.
        hyper_direct_grad: whether alpha also gets the direct gradient through its gates, at fixed weights.
        outside: whether weights outside of candidate operations, except those of norms, learn on their "own" or are
            "generated" too; the thesis compares both and takes the first.
        lambda_noise: standard deviation of normal noise on alpha in weight steps, drawn anew in each; 0: none. The
            thesis names noise as another way to show the hypernetwork more alphas, without a value; try the rate of
            alpha.
    """
    return Recipe(
        relaxation=Softmax(),
        hypernetwork=DenseHypernetwork(
            direct_gradient=hyper_direct_grad, makes_outside=outside == "generated", alpha_noise=lambda_noise
        ),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
        published={"epochs": 49, "batch_size": 48, "weight_lr": 0.05, "weight_lr_min": 0.0},
    )
