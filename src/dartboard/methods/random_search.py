"""Random search with trainings."""

from dartboard.parts import Count, DiscreteSearch, Full, Recipe, Uniform, method


@method("random-search", paper="arXiv:1902.07638", group="discrete")
def random_search(*, members: Count = 24, length: Count = 100) -> Recipe:
    """Train architectures drawn uniformly, and take the best on the validation images.

    This is the baseline that DARTS is compared with: 24 architectures, each trained for 100 epochs.

    Source: Li and Talwalkar 2019, arXiv:1902.07638; DARTS, arXiv:1806.09055, section 3.2. `random` draws one without
    any training. `rsps` draws with shared weights. Differs from the papers: no architecture is drawn twice.

    Args:
        members: architectures.
        length: epochs of each training.
    """
    return Recipe(
        discrete=DiscreteSearch(Uniform(), Full(members, (length,))),
        smallest={"": {"method.options.members": 8, "method.options.length": 6}},
    )
