"""DARTS-."""

from dartboard.parts import AdamUpdate, FadeAuxiliary, Fading, FirstOrder, NonNegative, Recipe, Softmax, method
from dartboard.supernet import Mixing


@method("darts-minus", paper="arXiv:2009.01027")
def darts_minus(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    fading: Fading = "linear",
    auxiliary_gate: NonNegative = 1.0,
) -> Recipe:
    """DARTS-: every edge has a further skip connection outside of the competition, which fades during the search.

    A skip connection both is a candidate and steadies the training of the supernet; the auxiliary one takes over the
    second task, so that the candidate is judged as an operation alone.

    Differs from the paper: nothing where it and the authors' code agree; `none` stays among the candidates.

    Reference figures: CIFAR-10 test error 2.59 +- 0.08 % with 3.5 M parameters, CIFAR-100 17.51 +- 0.25 % (table of the
    NASI paper); NAS-Bench-201 test accuracy 93.80 +- 0.40 / 71.53 +- 1.51 / 45.12 +- 0.82 % (Single-DARTS, table 1).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: its L2 factor.
        fading: schedule of the auxiliary gate; see `FadeAuxiliary`.
        auxiliary_gate: what it starts with.
    """
    return Recipe(
        relaxation=Softmax(),
        mixing=Mixing(auxiliary_skip=True),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(FadeAuxiliary(fading, auxiliary_gate),),
    )
