"""The baseline of the field: an architecture drawn uniformly."""

from dartboard.parts import NoTraining, Recipe, UniformlyRandom, method


@method("random", paper="arXiv:1902.07638", group="baseline")
def random() -> Recipe:
    """Draw an architecture uniformly from the space, without any search.

    Source: Li and Talwalkar 2019, arXiv:1902.07638, who showed how strong this baseline is. Differs: an architecture
    through which nothing of the images passes is drawn again, and the run says so; of the 15,625 cells of NAS-Bench-201
    these are 341, which published figures of random search may contain.
    """
    return Recipe(rules=(NoTraining(),), selection=UniformlyRandom())
