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


@method("robust-darts-ada", paper="arXiv:1909.09656", group="sharpness")
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
    """DARTS-ADA: DARTS, second order, with stronger weight decay once the validation loss becomes sharp in alpha.

    When `robust-darts` would stop, this search returns to the state before the rise of the curvature. It continues with
    a larger weight decay of the weights, which flattens the loss.

    Differs from the paper: an epoch that is searched again sees the same batches as before.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha; the measured curvature includes it.
        decay_factor: factor, above 1, by which every return multiplies the weight decay of the weights.
        largest_decay: the search no longer returns once the weight decay has reached this value.
        every: epochs between measurements.
        window: number of measurements that are averaged.
        gap: number of measurements between the two averages that are compared.
        first_epoch: earliest epoch to which the search returns; epochs count from 0.
        factor: the search returns when the average has grown by more than this factor.
    """
    test = Sharpening(window, gap, first_epoch, factor)
    return Recipe(
        gradient=Unrolled(),
        update=AdamUpdate(alpha_lr, weight_decay=alpha_weight_decay),
        rules=(MeasureCurvature(every, alpha_weight_decay), DecayOnSharpening(decay_factor, largest_decay, test)),
    )
