"""DARTS-PT and its relatives: selection by perturbation."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from dartboard.search import (
    AdamUpdate,
    DecideByPerturbation,
    DecideGreedily,
    FirstOrder,
    NonNegative,
    RandomPerturbation,
    Recipe,
    Stage,
    method,
)

Share = Annotated[float, Field(gt=0, lt=1)]
Criterion = Literal["accuracy", "loss"]
_TUNING = 81 / 131


@method("darts-pt", paper="arXiv:2108.04392")
def darts_pt(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    criterion: Criterion = "accuracy",
    tuning: Share = _TUNING,
) -> Recipe:
    """DARTS with perturbation-based selection: an operation counts by what the supernet loses without it.

    After the search, edges are decided one by one while the weights are tuned at a tenth of their rate; how large alpha
    is does not matter.

    Differs from the paper: nothing. `none` takes no part in spaces that drop edges.
    Reference figures: CIFAR-10 error 2.61 +- 0.08 %, 3.0 M parameters, where the same supernets give 3.00 +- 0.14 % by
    the size of alpha (paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        criterion: what counts as a loss: of accuracy, or the loss itself.
        tuning: share of the epochs in which edges are decided; 81 of 131 in the paper.
    """
    return _decided(_darts(alpha_lr, alpha_weight_decay), criterion, tuning)


@method("darts-pt-fixed", paper="arXiv:2108.04392")
def darts_pt_fixed(*, criterion: Criterion = "accuracy", tuning: Share = _TUNING) -> Recipe:
    """Perturbation-based selection from a supernet whose alpha never moves: all operations count alike in training.

    It tells how much of a search is the training of the weights, and how much alpha adds.

    Differs from the paper: nothing.
    Reference figures: none are given in the specification that this follows.

    Args:
        criterion: see `darts-pt`.
        tuning: see `darts-pt`.
    """
    return _decided(Recipe(), criterion, tuning)


@method("sdarts-pt", paper="arXiv:2108.04392")
def sdarts_pt(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    criterion: Criterion = "accuracy",
    tuning: Share = _TUNING,
    epsilon_start: NonNegative = 0.03,
    epsilon_end: NonNegative = 0.3,
) -> Recipe:
    """SDARTS-RS with perturbation-based selection: gates shaken at random, in the search and while edges are decided.

    Differs from the paper: nothing; gates are shaken uniformly as in the authors' code, where the thesis says normally.
    Reference figures: CIFAR-10 error 2.54 +- 0.10 %, 3.3 M parameters, where the same supernets give 2.67 +- 0.03 % by
    the size of alpha (paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        criterion: see `darts-pt`.
        tuning: see `darts-pt`.
        epsilon_start: size of the perturbation at first.
        epsilon_end: at the end of the search, and while edges are decided.
    """
    search = replace(_darts(alpha_lr, alpha_weight_decay), perturbation=RandomPerturbation(epsilon_start, epsilon_end))
    return replace(_decided(search, criterion, tuning), perturbation=RandomPerturbation(epsilon_end, epsilon_end))


@method("sgas-pt", paper="arXiv:2108.04392")
def sgas_pt(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    criterion: Criterion = "accuracy",
) -> Recipe:
    """SGAS with perturbation-based selection: alpha says which edge is decided, the supernet which operation it gets.

    Differs from the paper: nothing.
    Reference figures: CIFAR-10 error 2.56 +- 0.10 %, 3.9 M parameters, where SGAS has 2.66 +- 0.24 % (paper).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        criterion: see `darts-pt`.
    """
    return replace(_darts(alpha_lr, alpha_weight_decay), rules=(DecideGreedily(operation=criterion),))


def _darts(alpha_lr: float, alpha_weight_decay: float) -> Recipe:
    return Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay))


def _decided(search: Recipe, criterion: Criterion, tuning: float) -> Recipe:
    """A search, and a stage that decides."""
    return replace(
        search,
        rules=(DecideByPerturbation(criterion),),
        rate=0.1,
        earlier=(Stage(search, 1 - tuning, leaves="weights"),),
        published={"epochs": 131},
    )
