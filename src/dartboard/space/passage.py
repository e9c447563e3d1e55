"""Whether anything of an image reaches the classifier of a network; otherwise all images get the same answer."""

from dartboard.space.genotype import CellGenotype, Genotype
from dartboard.space.ops import is_blind
from dartboard.space.skeleton import CellPlace, NetworkPlan
from dartboard.space.spaces.search_space import SearchSpace

__all__ = ["lets_images_through"]


def lets_images_through(space: SearchSpace, genotype: Genotype, plan: NetworkPlan | None = None) -> bool:
    """Whether a path leads from the images to the classifier, through operations that look at what they are given.

    Everything that stands around the cells lets images through, and so do projections of inputs and the shortcuts of
    blocks. Nothing passes an operation that is registered as blind, such as `none`, `zero` and `noise`.

    Args:
        space: the space of the genotype.
        genotype: the architecture.
        plan: the network, whose depth can matter where cells read the cell before the last one. None: the network of
            the least depth of the space, and those of its small and its published size, must all let images through.
    """
    if plan is not None:
        return _passes(genotype, plan)
    depths = {space.skeleton.fewest_layers, space.small_size[1], space.reference_size[1]}
    width = space.reference_size[0]
    plans = (space.plan(in_channels=3, num_classes=2, init_channels=width, layers=layers) for layers in depths)
    return all(_passes(genotype, each) for each in plans)


def _passes(genotype: Genotype, plan: NetworkPlan) -> bool:
    older = newer = True
    for place in plan.places:
        if isinstance(place, CellPlace):
            arriving = (older, newer)[-len(place.input_channels) :]
            older, newer = newer, _leaves(genotype[place.kind], place, arriving)
        else:
            older = newer  # a fixed block
    return newer


def _leaves(cell: CellGenotype, place: CellPlace, arriving: tuple[bool, ...]) -> bool:
    """Whether anything leaves a cell that something arrives at by some of its inputs."""
    reached = {node for node, passes in enumerate(arriving) if passes}
    for choice in sorted(cell.choices):  # every node after those that it reads
        if choice.source in reached and not is_blind(choice.op):
            reached.add(choice.target)
    return not reached.isdisjoint(cell.outputs) or (place.shortcut and 0 in reached)
