"""Random search with weight sharing."""

from dartboard.parts import Count, Recipe, SampleAndValidate, UniformPaths, method


@method("rsps", paper="arXiv:1902.07638", group="trials")
def rsps(
    *, candidates: Count = 1000, batches: Count = 3, finalists: Count = 10, steps_per_round: Count = 10_000
) -> Recipe:
    """Random search with weight sharing (RSPS): every step trains a random architecture, and the best of many wins.

    There is no alpha. The supernet is only used to score architectures without training each of them.

    Differs from the paper: the best architecture of all rounds wins, while the authors' script returns that of the
    first round; candidates are scored with batch statistics.
    Reference figures: NAS-Bench-201 test accuracy 87.66 +- 1.69 %, 58.33 % and 31.14 % on CIFAR-10, CIFAR-100 and
    ImageNet16-120 (table of Single-DARTS).

    Args:
        candidates: number of architectures scored per round.
        batches: number of batches, of 256 validation images each, on which all candidates are scored.
        finalists: number of best candidates of a round that are scored on all validation images.
        steps_per_round: number of weight steps in the search for each round.
    """
    return Recipe(
        relaxation=UniformPaths(),
        selection=SampleAndValidate(candidates, batches, finalists, steps_per_round),
        published_in={"nas-bench-201": {"epochs": 250, "weight_decay": 5e-4}},
    )
