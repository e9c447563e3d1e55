"""Supernets of various sizes, and one so small that its work can be counted by hand."""

from dataclasses import replace

from dartboard.space import ATTENTION, CellTopology, NetworkPlan, Norm, SearchSpace, get_space
from dartboard.space.skeleton import CellPlace, DartsSkeleton
from dartboard.supernet import Mixing, SupernetSpec
from dartboard.supernet.spec import SEARCH_NORM

SPACES = ("darts", "nas-bench-201")


def spec_of(
    name: str, channels: int = 4, layers: int = 3, ops: int | None = None, nodes: int | None = None, stem: str = "cifar"
) -> SupernetSpec:
    space = get_space(name)
    space = replace(space, ops=space.ops[-(ops or len(space.ops)) :])
    space = replace(space, cell=replace(space.cell, num_nodes=nodes or space.cell.num_nodes))
    plan = space.plan(in_channels=3, num_classes=5, init_channels=channels, layers=layers, stem=stem)  # type: ignore[arg-type]
    return SupernetSpec(space, plan)


def attentive(spec: SupernetSpec, image: tuple[int, int]) -> SupernetSpec:
    return replace(spec, mixing=Mixing(attention=ATTENTION), plan=spec.plan.for_images(image))


def tiny(*ops: str, norm: Norm = SEARCH_NORM) -> SupernetSpec:
    """One cell of one edge with 2 channels behind a stem for gray images."""
    cell = CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None)
    skeleton = DartsSkeleton(("cell",))
    space = SearchSpace("tiny", ops, cell, skeleton, frozenset({"max_pool_3x3"}), (2, 1), (2, 1))
    plan = NetworkPlan(1, 3, "cifar", 2, (CellPlace("cell", (2,), (1,), 2, 1),), 2, False, None)
    return SupernetSpec(space, plan, norm=norm)
