"""The DARTS cell space (Liu et al. 2019, arXiv:1806.09055)."""

from dartboard.space.skeleton import DartsSkeleton
from dartboard.space.spaces.registry import SearchSpace, space
from dartboard.space.topology import CellTopology

__all__ = ["darts", "darts_cell"]


def darts_cell(nodes: int = 4) -> CellTopology:
    """The DARTS cell: two inputs, `nodes` computed nodes joined on the channel axis, two edges kept per node."""
    return CellTopology(num_inputs=2, num_nodes=nodes, output="concat", projects_inputs=True, edges_per_node=2)


@space("darts", paper="arXiv:1806.09055")
def darts() -> SearchSpace:
    """DARTS cells: 14 edges, 8 operations, normal and reduction cells."""
    return SearchSpace(
        name="darts",
        ops=(
            "none",
            "max_pool_3x3",
            "avg_pool_3x3",
            "skip_connect",
            "sep_conv_3x3",
            "sep_conv_5x5",
            "dil_conv_3x3",
            "dil_conv_5x5",
        ),
        cell=darts_cell(),
        skeleton=DartsSkeleton(),
        normalized_ops=frozenset({"max_pool_3x3", "avg_pool_3x3"}),
        reference_size=(36, 20),
        small_size=(16, 5),
    )
