"""RobustDARTS: stop before the collapse, or regularise against it."""

from dartboard.parts import (
    AdamUpdate,
    Dropping,
    GrowDropping,
    MeasureCurvature,
    NonNegative,
    Positive,
    Recipe,
    Rule,
    ScaleWeightDecay,
    Share,
    SharpeningInShares,
    StopOnSharpening,
    StopWithinEpochs,
    Unrolled,
    method,
    needs,
)


@method("robust-darts", paper="arXiv:1909.09656", group="sharpness")
@needs(
    cutout="drop_path>0",
    every="stops=true",
    window="stops=true",
    gap="stops=true",
    first="stops=true",
    factor="stops=true",
    within_epochs="stops=true",
)
def robust_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    stops: bool = True,
    weight_decay_factor: NonNegative = 1.0,
    drop_path: NonNegative = 0.0,
    cutout: NonNegative = 0.5,
    every: Positive = 1 / 25,
    window: Share = 0.2,
    gap: Share = 0.16,
    first: Share = 0.2,
    factor: NonNegative = 1.3,
    within_epochs: bool = False,
) -> Recipe:
    """DARTS-ES: DARTS, second order, with early stopping when the validation loss becomes sharp in alpha.

    The largest eigenvalue of the Hessian in alpha rises before the cells become worse. R-DARTS(L2) is `stops=false`
    with `weight_decay_factor` 3, 9, 27 or 81; R-DARTS(DP) is `stops=false` with `drop_path` 0.2, 0.4 or 0.6.

    The numbers of the paper's code, for 50 epochs, are taken as shares of the search, so that short searches can stop
    too. With fewer than 5 measurements none can; `within_epochs` has 25 in a search of any length.

    Differs from the paper: the last measurement is not tested; all cells of a kind drop the same edges. The paper
    chooses among several searches: `--seeds 3 --choose best-short-train` does so over seeds; each strength of R-DARTS
    needs its own run.
    Reference figures: R-DARTS(L2) has 2.95 ± 0.21 % test error on CIFAR-10 (cited in the thesis behind DARTS-PT).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha; the measured curvature includes it.
        stops: whether the curvature is measured and can stop the search.
        weight_decay_factor: multiplies search.weight_decay.
        drop_path: chance that an image loses the output of a mixed edge, in the last epoch; it grows from 0.
        cutout: with drop_path: side of a blanked square as a share of the image's side; its chance grows from 0 to 1.
        every: share of the epochs from one measurement to the next, or from 1 on the number of epochs.
        window: share of the measurements that are averaged, at least 2.
        gap: share of the measurements between the two averages that are compared, at least 1.
        first: share of the measurements to which the search does not go back.
        factor: the search ends when the average has grown by more than this factor.
        within_epochs: whether the curvature is measured within the epochs, at shares `every` of the steps of alpha, so
            that searches of any number of epochs have as many measurements.
    """
    test = SharpeningInShares(every, window, gap, first, factor)
    watch: tuple[Rule, ...] = (MeasureCurvature(every, alpha_weight_decay), StopOnSharpening(test))
    if within_epochs:
        watch = (StopWithinEpochs(test, alpha_weight_decay),)
    drop = GrowDropping(Dropping(drop_path, 1.0, cutout))
    rules = (ScaleWeightDecay(weight_decay_factor), *((drop,) if drop_path else ()), *(watch if stops else ()))
    return Recipe(gradient=Unrolled(), update=AdamUpdate(alpha_lr, weight_decay=alpha_weight_decay), rules=rules)
