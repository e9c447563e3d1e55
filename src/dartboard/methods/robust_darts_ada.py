"""RobustDARTS with regularisation on demand."""

from dartboard.parts import (
    AdamUpdate,
    DecayOnSharpening,
    MeasureCurvature,
    NonNegative,
    Positive,
    Recipe,
    Share,
    SharpeningInShares,
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
    every: Positive = 1 / 25,
    window: Share = 0.2,
    gap: Share = 0.16,
    first: Share = 0.2,
    factor: NonNegative = 1.3,
) -> Recipe:
    """DARTS-ADA: DARTS, second order, with stronger weight decay once the validation loss becomes sharp in alpha.

    When `robust-darts` would stop, this search returns to the state before the rise of the curvature. It continues with
    a larger weight decay of the weights, which flattens the loss.

    The numbers of the paper's code, for 50 epochs, are taken as shares of the search, as in `robust-darts`.

    Differs from the paper: the last measurement is not tested; an epoch that is searched again sees the same batches as
    before.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha; the measured curvature includes it.
        decay_factor: factor, above 1, by which every return multiplies the weight decay of the weights.
        largest_decay: the search no longer returns once the weight decay has reached this value.
        every: share of the epochs from one measurement to the next, or from 1 on the number of epochs.
        window: share of the measurements that are averaged, at least 2.
        gap: share of the measurements between the two averages that are compared, at least 1.
        first: share of the measurements to which the search does not return.
        factor: the search returns when the average has grown by more than this factor.
    """
    test = SharpeningInShares(every, window, gap, first, factor)
    return Recipe(
        gradient=Unrolled(),
        update=AdamUpdate(alpha_lr, weight_decay=alpha_weight_decay),
        rules=(MeasureCurvature(every, alpha_weight_decay), DecayOnSharpening(decay_factor, largest_decay, test)),
    )
