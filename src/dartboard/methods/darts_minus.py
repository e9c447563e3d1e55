"""DARTS-."""

from dartboard.parts import AdamUpdate, FadeAuxiliary, Fading, FirstOrder, NonNegative, Recipe, Softmax, method, needs
from dartboard.supernet import Mixing


@method("darts-minus", paper="arXiv:2009.01027", group="skips")
@needs(fading="auxiliary_gate>0")
def darts_minus(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    fading: Fading = "linear",
    auxiliary_gate: NonNegative = 1.0,
) -> Recipe:
    """DARTS-: every edge has an auxiliary skip connection that does not compete and fades during the search.

    In DARTS a skip connection has two roles: it is a candidate, and it stabilises the training of the supernet. The
    auxiliary skip connection takes over the second role, so the candidate is judged as an operation only.

    Differs from the paper: nothing where the paper and the authors' code agree; `none` stays among the candidates.

    Reference figures: CIFAR-10 test error 2.59 +- 0.08 % with 3.5 M parameters, CIFAR-100 17.51 +- 0.25 % (table of the
    NASI paper); NAS-Bench-201 test accuracy 93.80 +- 0.40 / 71.53 +- 1.51 / 45.12 +- 0.82 % (Single-DARTS, table 1).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        fading: schedule of the auxiliary gate (`FadeAuxiliary`); "constant" does not fade.
        auxiliary_gate: value of the auxiliary gate in the first epoch.
    """
    return Recipe(
        relaxation=Softmax(),
        mixing=Mixing(auxiliary_skip=True),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        rules=(FadeAuxiliary(fading, auxiliary_gate),),
    )
