"""DARTS through several virtual weight steps."""

from dartboard.parts import AdamUpdate, Count, NonNegative, Recipe, Softmax, StrongestEdges, TruncatedUnrolled, method


@method("darts-unrolled", paper="arXiv:1810.10667", group="response")
def darts_unrolled(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    steps: Count = 5,
    backward_steps: Count = 2,
) -> Recipe:
    """DARTS with several virtual weight steps; the gradient of alpha goes through the last few of them.

    This is the paper's truncated back-propagation with the relaxation of `darts`. The loss of alpha is computed after
    `steps` virtual weight steps. The gradient stops `backward_steps` steps back, which bounds the memory. One step is
    `darts-2nd` without momentum.

    Differs from the paper: the paper has no cells, so the numbers of steps are ours, and relaxation and optimisers are
    those of `darts`; the virtual steps use the learning rate and weight decay of the weights.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        steps: virtual weight steps, each on a further training batch.
        backward_steps: number of virtual steps, counted from the last, that are differentiated; at most `steps`.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=TruncatedUnrolled(steps, backward_steps),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
