"""An architecture that stands for those that a command will train, so that its steps can be timed beforehand."""

from statistics import quantiles

from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.runs import make_generator
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan
from dartboard.space import PUBLISHED, Genotype, get_space, network_cost

__all__ = ["typical_genotype"]

_DRAWN = 15
"""Number of architectures drawn at random; one of them serves as an example of what a search may find."""


def typical_genotype(session: Session) -> Genotype:
    """The known good architecture of the space.

    Without one it is a random architecture at the upper quartile of cost among those drawn, since few searches find
    cheap ones.
    """
    space, plan = get_space(session.settings.space), network_plan(session, "train")
    if space.known is not None:
        return PUBLISHED[space.known]
    height, width = session.dataset.image_shape[1:]
    generator = make_generator(session.settings.seed, "probe-genotypes")
    drawn = [UniformlyRandom()(space, {}, generator) for _ in range(_DRAWN)]
    costs = [network_cost(space, each, plan, (height, width)).multiply_adds for each in drawn]
    wanted = quantiles(costs, n=4)[2]
    return min(zip(costs, drawn, strict=True), key=lambda pair: abs(pair[0] - wanted))[1]
