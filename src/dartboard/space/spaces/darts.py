"""The DARTS cell space (Liu et al. 2019, arXiv:1806.09055)."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from dartboard.space.skeleton import DartsSkeleton
from dartboard.space.spaces.search_space import SearchSpace, space
from dartboard.space.topology import CellTopology

__all__ = ["Nodes", "darts", "darts_cell", "darts_s5"]

Nodes = Annotated[int, Field(ge=1, le=6)]
"""How many computed nodes a cell may have."""


def darts_cell(nodes: int = 4) -> CellTopology:
    """The DARTS cell: two inputs, `nodes` computed nodes joined on the channel axis, two edges kept per node."""
    return CellTopology(num_inputs=2, num_nodes=nodes, output="concat", projects_inputs=True, edges_per_node=2)


@space("darts", paper="arXiv:1806.09055")
def darts(nodes: Nodes = 4) -> SearchSpace:
    """DARTS cells: 14 edges, 8 operations, normal and reduction cells.

    Args:
        nodes: computed nodes of a cell; n of them have n (n + 3) / 2 edges.
    """
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
        cell=darts_cell(nodes),
        skeleton=DartsSkeleton(),
        normalized_ops=frozenset({"max_pool_3x3", "avg_pool_3x3"}),
        reference_size=(36, 20),
        small_size=(16, 5),
        family="darts",
    )


@space("darts-s5", paper="arXiv:2108.04392")
def darts_s5(nodes: Nodes = 4) -> SearchSpace:
    """DARTS cells whose candidates do not include none: 7 operations, the S5 of DARTS-PT.

    Args:
        nodes: computed nodes of a cell.
    """
    whole = darts(nodes)
    return replace(whole, name="darts-s5", ops=whole.ops[1:])
