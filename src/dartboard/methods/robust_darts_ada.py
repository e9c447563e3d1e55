"""RobustDARTS with regularisation on demand."""

from dartboard.parts import (
    AdamUpdate,
    Count,
    DecayOnSharpening,
    MeasureCurvature,
    NonNegative,
    Recipe,
    Sharpening,
    Unrolled,
    method,
)


@method("robust-darts-ada", paper="arXiv:1909.09656")
def robust_darts_ada(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    decay_factor: float = 10.0,
    largest_decay: NonNegative = 3e-2,
    every: Count = 2,
    window: Count = 5,
    gap: Count = 4,
    first_epoch: int = 10,
    factor: NonNegative = 1.3,
) -> Recipe:
    """DARTS, second order, that goes back when the validation loss becomes sharp in alpha, and decays more (DARTS-ADA).

    Where `robust-darts` stops, this search returns to the state from before the rise and goes on with a larger weight
    decay of the weights, which flattens the loss.

    Differs from the paper: epochs that are searched again see the batches that they saw before.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha; it counts as curvature.
        decay_factor: multiplies the weight decay of the weights at every return; above 1.
        largest_decay: weight decay from which on there is no return.
        every: epochs between measurements.
        window: measurements that are averaged.
        gap: measurements between the averages compared.
        first_epoch: earliest epoch to go back to, from 0.
        factor: growth that is too much.
    """
    test = Sharpening(window, gap, first_epoch, factor)
    return Recipe(
        gradient=Unrolled(),
        update=AdamUpdate(alpha_lr, weight_decay=alpha_weight_decay),
        rules=(MeasureCurvature(every, alpha_weight_decay), DecayOnSharpening(decay_factor, largest_decay, test)),
    )
