"""The DARTS cell space (Liu et al. 2019, arXiv:1806.09055)."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from dartboard.space.ops import MODULES
from dartboard.space.skeleton import DartsSkeleton
from dartboard.space.spaces.search_space import SearchSpace, space
from dartboard.space.topology import CellTopology

__all__ = [
    "Attention",
    "CellInputs",
    "Inputs",
    "Kinds",
    "Nodes",
    "darts",
    "darts_cell",
    "darts_no_skip",
    "darts_s5",
    "darts_skeleton",
]

Nodes = Annotated[int, Field(ge=1, le=6)]
"""How many computed nodes a cell may have."""


Inputs = Annotated[int, Field(ge=1, le=7)] | Literal["all"]
"""How many edges a node of a discrete cell may keep."""

Kinds = Annotated[int, Field(ge=1, le=2)]
"""How many kinds of cells a network may have."""

CellInputs = Annotated[int, Field(ge=1, le=2)]
"""How many cells before it a cell may read."""


Attention = Literal["none", "candidates"]
"""Where a space has attention modules."""


def darts_cell(nodes: int = 4, inputs: int | Literal["all"] = 2, cell_inputs: int = 2) -> CellTopology:
    """The DARTS cell: `nodes` computed nodes joined on the channel axis, each with its best edges.

    Args:
        nodes: computed nodes.
        inputs: edges that a node of a discrete cell keeps, or as many as it has; "all" keeps every edge.
        cell_inputs: input nodes: the outputs of so many cells before.
    """
    return CellTopology(
        num_inputs=cell_inputs,
        num_nodes=nodes,
        output="concat",
        projects_inputs=True,
        edges_per_node=cell_inputs + nodes - 1 if inputs == "all" else inputs,
    )


def darts_skeleton(kinds: int = 2) -> DartsSkeleton:
    """Normal and reduction cells of their own, or cells of one kind, some of which reduce."""
    return DartsSkeleton() if kinds == 2 else DartsSkeleton(cell_kinds=("shared",))


@space("darts", paper="arXiv:1806.09055")
def darts(
    nodes: Nodes = 4,
    inputs: Inputs = 2,
    kinds: Kinds = 2,
    cell_inputs: CellInputs = 2,
    attention: Attention = "none",
) -> SearchSpace:
    """DARTS cells: 14 edges, 8 operations, normal and reduction cells.

    Args:
        nodes: computed nodes of a cell; n of them have n (n + 3) / 2 edges, or with one input n (n + 1) / 2.
        inputs: edges that a node of a discrete cell keeps (all that it has, if these are fewer), or "all"; published
            cells keep 2. The supernet is the same.
        kinds: 2 for normal and reduction cells, or 1: all cells share one alpha and one genotype, and those that reduce
            have a stride of 2 on the edges from their inputs.
        cell_inputs: 2 for cells that read the outputs of the two cells before, or 1.
        attention: "candidates": the five attention modules of Att-DARTS (arXiv:2006.12874) compete with the 8
            operations; at a stride of 2 they follow a factorized reduction.
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
            *(MODULES if attention == "candidates" else ()),
        ),
        cell=darts_cell(nodes, inputs, cell_inputs),
        skeleton=darts_skeleton(kinds),
        normalized_ops=frozenset({"max_pool_3x3", "avg_pool_3x3"}),
        reference_size=(36, 20),
        small_size=(16, 5),
        family="darts",
    )


@space("darts-s5", paper="arXiv:2108.04392")
def darts_s5(nodes: Nodes = 4, inputs: Inputs = 2, kinds: Kinds = 2, cell_inputs: CellInputs = 2) -> SearchSpace:
    """DARTS cells whose candidates do not include none: 7 operations, the S5 of DARTS-PT.

    Args:
        nodes: computed nodes of a cell.
        inputs: edges that a node of a discrete cell keeps, or "all".
        kinds: kinds of cells, 2 or 1.
        cell_inputs: cells before it that a cell reads, 2 or 1.
    """
    whole = darts(nodes, inputs, kinds, cell_inputs)
    return replace(whole, name="darts-s5", ops=whole.ops[1:])


@space("darts-no-skip", paper="arXiv:2507.16533")
def darts_no_skip(nodes: Nodes = 4, inputs: Inputs = 2, kinds: Kinds = 2, cell_inputs: CellInputs = 2) -> SearchSpace:
    """DARTS cells whose candidates do not include skip connections: 7 operations, of DARTS-Bench-Suite.

    Args:
        nodes: computed nodes of a cell.
        inputs: edges that a node of a discrete cell keeps, or "all".
        kinds: kinds of cells, 2 or 1.
        cell_inputs: cells before it that a cell reads, 2 or 1.
    """
    whole = darts(nodes, inputs, kinds, cell_inputs)
    return replace(whole, name="darts-no-skip", ops=tuple(op for op in whole.ops if op != "skip_connect"))
