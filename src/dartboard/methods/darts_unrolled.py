"""DARTS through several virtual weight steps."""

from dartboard.parts import AdamUpdate, Count, NonNegative, Recipe, Softmax, StrongestEdges, TruncatedUnrolled, method


@method("darts-unrolled", paper="arXiv:1810.10667")
def darts_unrolled(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    steps: Count = 5,
    backward_steps: Count = 2,
) -> Recipe:
    """DARTS looking several weight steps ahead, the last few of which are differentiated.

    The paper's truncated back-propagation with the relaxation of `darts`: alpha is judged by where the weights are
    after `steps` batches, and the truncation bounds memory. One step is `darts-2nd` without momentum.

    Differs from the paper: it has no cells, so numbers of steps are ours, and relaxation and optimisers are those of
    `darts`; the virtual steps have the learning rate and weight decay of the weights.

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        steps: virtual weight steps, each on a further training batch.
        backward_steps: how many of them, from the last, are differentiated; at most `steps`.
    """
    return Recipe(
        relaxation=Softmax(),
        gradient=TruncatedUnrolled(steps, backward_steps),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
    )
