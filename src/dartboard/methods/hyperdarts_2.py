"""HyperDARTS with a hypernetwork of two layers."""

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


@method("hyperdarts-2", paper="HyperDARTS (thesis)", group="response")
def hyperdarts_2(
    *,
    alpha_lr: NonNegative = 9e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    hyper_direct_grad: bool = True,
    activation: Literal["sigmoid", "tanh", "relu", "identity"] = "sigmoid",
    outside: Literal["own", "generated"] = "own",
    lambda_noise: NonNegative = 0.0,
) -> Recipe:
    """HyperDARTS-2: a hypernetwork of two layers generates the weights of candidate operations from alpha.

    It is `hyperdarts-1` with a hidden layer half as wide as alpha. The hidden layer also halves the number of weights.

    Differs from the source: as `hyperdarts-1`. For the supernet of DARTS the hypernetwork has 104 million weights; the
    thesis says 113 million, but its own description does not lead to this number.

    Reference figures: test accuracy on CIFAR-10 97.46 +- 0.09 %, on CIFAR-100 83.61 +- 0.15 %, in 44 hours on a GTX
    1080 Ti for four searches (the thesis). These are means of every network's best epoch on the test images, so an
    upper end, which accuracies after the last epoch do not reach.

    Args:
        alpha_lr: learning rate of Adam on alpha.
        alpha_weight_decay: L2 factor of alpha.
        hyper_direct_grad: whether alpha also gets the direct gradient through its gates, at fixed weights.
        activation: activation function of the hidden layer.
        outside: whether weights outside of candidate operations, except those of norms, learn on their "own" or are
            "generated" too; the thesis compares both and takes the first.
        lambda_noise: standard deviation of normal noise on alpha in weight steps, drawn anew in each; 0: none. The
            thesis names noise as another way to show the hypernetwork more alphas, without a value; try the rate of
            alpha.
    """
    return Recipe(
        relaxation=Softmax(),
        hypernetwork=DenseHypernetwork(
            activation, hyper_direct_grad, makes_outside=outside == "generated", alpha_noise=lambda_noise
        ),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
        published={"weight_lr": 0.075, "weight_lr_min": 0.0},
    )
