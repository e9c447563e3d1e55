"""IS-DARTS."""

from dartboard.parts import Count, Recipe, Share, ShrinkByInformation, StrongestRemaining, UniformShares, method


@method("is-darts", paper="arXiv:2312.12648", group="steps")
def is_darts(
    *,
    first_drop: Share | None = None,
    last_drop: Share | None = None,
    drops: Count | None = None,
    distinct_sources: bool = False,
) -> Recipe:
    """IS-DARTS: no alpha; the operations leave whose outputs differ least between channels, until one cell is left.

    The operations of an edge share it equally, and the weights learn on all training images. At a few times, those
    leave whose outputs tell least by a measure that no label enters (one over the squared variance over the channels,
    averaged over pixels, images and cells). It is large for weak and for constant outputs, and heavy-tailed: a few
    pixels decide. Whether it does more than to prefer convolutions with large kernels is not known. Each time costs a
    pass over the training images without gradients; then the supernet gets cheaper.

    Differs from the paper: momentum without Nesterov; no batch norm and ReLU before the last pooling, so that all
    methods search one network; ties, which the code leaves open, go to the lower edge and operation.

    Reference figures: NAS-Bench-201 test accuracy 94.36 % on CIFAR-10 and 46.34 % on ImageNet16-120, one of the largest
    cells, which three other methods report too; ImageNet top-1 76.2 % (table of a later paper).

    Args:
        first_drop: share of the epochs after which operations first leave; null: 23/30 in spaces that keep every edge,
            else 30/50.
        last_drop: share of the epochs after which they last leave; null: 29/30, or 48/50.
        drops: how often they leave; null: once less than an edge has operations, or 7 times.
        distinct_sources: whether the inputs of a node must come from different nodes; the authors' cells have a node
            with both inputs from one.
    """
    return Recipe(
        relaxation=UniformShares(),
        images="same-images",
        rules=(ShrinkByInformation(first_drop, last_drop, drops, distinct_sources),),
        selection=StrongestRemaining(),
        published_in={
            "nas-bench-201": {"epochs": 30},
            "preset:darts-imagenet": {"batch_size": 256, "weight_lr": 0.05},
        },
    )
