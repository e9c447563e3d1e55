"""RobustDARTS: stop before the collapse, or regularise against it."""

from dartboard.parts import (
    AdamUpdate,
    Count,
    Dropping,
    GrowDropping,
    MeasureCurvature,
    NonNegative,
    Recipe,
    ScaleWeightDecay,
    Sharpening,
    StopOnSharpening,
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
    first_epoch="stops=true",
    factor="stops=true",
)
def robust_darts(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    stops: bool = True,
    weight_decay_factor: NonNegative = 1.0,
    drop_path: NonNegative = 0.0,
    cutout: NonNegative = 0.5,
    every: Count = 2,
    window: Count = 5,
    gap: Count = 4,
    first_epoch: int = 10,
    factor: NonNegative = 1.3,
) -> Recipe:
    """DARTS-ES: DARTS, second order, with early stopping when the validation loss becomes sharp in alpha.

    The largest eigenvalue of the Hessian in alpha rises before the cells become worse. R-DARTS(L2) is `stops=false`
    with `weight_decay_factor` 3, 9, 27 or 81; R-DARTS(DP) is `stops=false` with `drop_path` 0.2, 0.4 or 0.6.

    Differs from the paper: all cells of a kind drop the same edges. The paper chooses among several searches: `--seeds
    3 --choose best-short-train` does so over seeds; each strength of R-DARTS needs its own run.
    Reference figures: R-DARTS(L2) has 2.95 ± 0.21 % test error on CIFAR-10 (cited in the thesis behind DARTS-PT).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha; the measured curvature includes it.
        stops: whether the curvature is measured and can stop the search.
        weight_decay_factor: multiplies search.weight_decay.
        drop_path: chance that an image loses the output of a mixed edge, in the last epoch; it grows from 0.
        cutout: with drop_path: side of a blanked square as a share of the image's side; its chance grows from 0 to 1.
        every: epochs between measurements.
        window: number of measurements that are averaged.
        gap: number of measurements between the two averages that are compared.
        first_epoch: earliest epoch to which the search goes back; epochs count from 0.
        factor: the search ends when the average has grown by more than this factor.
    """
    watch = MeasureCurvature(every, alpha_weight_decay), StopOnSharpening(Sharpening(window, gap, first_epoch, factor))
    drop = GrowDropping(Dropping(drop_path, 1.0, cutout))
    rules = (ScaleWeightDecay(weight_decay_factor), *((drop,) if drop_path else ()), *(watch if stops else ()))
    return Recipe(gradient=Unrolled(), update=AdamUpdate(alpha_lr, weight_decay=alpha_weight_decay), rules=rules)
