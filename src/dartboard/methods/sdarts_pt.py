"""SmoothDARTS with perturbation-based selection."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from dartboard.methods.darts_pt import darts_pt
from dartboard.parts import Measure, NonNegative, RandomPerturbation, Recipe, method, select_by_removal

Share = Annotated[float, Field(gt=0, lt=1)]


@method("sdarts-pt", paper="arXiv:2108.04392", group="supernet")
def sdarts_pt(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    epsilon_start: NonNegative = 0.03,
    epsilon_end: NonNegative = 0.3,
    space: Literal["probs", "logits"] = "probs",
    noise: Literal["uniform", "gaussian"] = "uniform",
    measure: Measure = "accuracy",
    tuning: Share = 81 / 131,
    none: bool = False,
) -> Recipe:
    """SDARTS-RS+PT: the supernet learns with randomly perturbed gates, then edges are decided as in `darts-pt`.

    The search is that of `sdarts-rs`. While edges are decided, the perturbation is as large as in the last epoch of the
    search.

    Differs from the paper: no running statistics are written while supernets are scored; the noise is uniform and on
    the gates, as in the authors' code, where the thesis has normal noise on alpha (`space=logits`, `noise=gaussian`).
    Reference figures: CIFAR-10 error 2.54 +- 0.10 %, 3.3 M parameters in 0.8 GPU days (four searches; the paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        epsilon_start: largest change of a gate in the first epoch.
        epsilon_end: the largest change grows linearly towards this value, and has it while edges are decided.
        space: whether the gates ("probs") or alpha ("logits") are perturbed.
        noise: "uniform", or "gaussian" with the same variance.
        measure: score of a supernet on the validation images.
        tuning: share of the epochs in which edges are decided.
        none: whether `none` is a candidate during the search in spaces that drop edges; it is never chosen there.
    """
    plain = darts_pt(alpha_lr=alpha_lr, alpha_weight_decay=alpha_weight_decay, none=none).earlier[0].recipe
    search = replace(plain, perturbation=RandomPerturbation(epsilon_start, epsilon_end, space, noise))
    selecting = select_by_removal(search, tuning, measure)
    return replace(selecting, perturbation=RandomPerturbation(epsilon_end, epsilon_end, space, noise))
