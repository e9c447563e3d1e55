"""SETN."""

from dartboard.parts import AdamUpdate, Count, FirstOrder, NonNegative, Recipe, SampleAndValidate, UniformPaths, method


@method("setn", paper="arXiv:1910.05733", group="trials")
def setn(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    candidates: Count = 100,
    batches: Count = 2,
) -> Recipe:
    """SETN: the weights learn from random architectures, alpha from the mixture; alpha then proposes candidates.

    The supernet scores the most probable architectures on validation images, and the best one is chosen. In spaces that
    drop edges, candidates are drawn from the distribution that alpha gives.

    Differs from the paper: the weights' architectures are drawn uniformly, as in the authors' code; alpha steps before
    the weights, as in all methods here.
    Reference figures: NAS-Bench-201 test accuracy 86.19 +- 4.63 %, 56.87 % and 31.90 % on CIFAR-10, CIFAR-100 and
    ImageNet16-120 (table of Single-DARTS).

    Args:
        alpha_lr: learning rate of alpha.
        alpha_weight_decay: L2 factor of alpha.
        candidates: number of architectures that are scored at the end.
        batches: number of batches, of 256 validation images each, on which they are scored.
    """
    return Recipe(
        relaxation=UniformPaths(),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=SampleAndValidate(candidates, batches, 0, None, "likeliest"),
        published={"epochs": 250},
        published_in={"nas-bench-201": {"weight_decay": 5e-4}},
    )
