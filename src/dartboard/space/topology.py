"""The graph of a cell as data: nodes, edges, and how the outputs join.

In a layer-wise network every block is a kind of cell of its own, whose name tells where it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

__all__ = ["CellTopology", "Edge", "block_kinds", "stage_lengths"]

_KIND = re.compile(r"stage-(\d+)-block-(\d+)")


@dataclass(frozen=True, order=True)
class Edge:
    """One edge of a cell: node `target` receives from node `source`.

    Attributes:
        target: number of the node that receives.
        source: number of the node that is read.
    """

    target: int
    source: int


@dataclass(frozen=True)
class CellTopology:
    """A directed acyclic cell in which every computed node receives every earlier node.

    Attributes:
        num_inputs: input nodes, numbered from 0, oldest cell output first.
        num_nodes: computed nodes, numbered from `num_inputs`.
        output: "concat" joins all computed nodes on the channel axis, "last" takes the last one.
        projects_inputs: whether each input is first brought to the cell's channels by a 1x1 convolution.
        edges_per_node: incoming edges that a discrete cell keeps per node; None keeps every edge.
    """

    num_inputs: int
    num_nodes: int
    output: Literal["concat", "last"]
    projects_inputs: bool
    edges_per_node: int | None

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, sorted by target node, then by source: the order of the rows of every alpha."""
        return tuple(Edge(target, source) for target in self.nodes for source in range(target))

    @property
    def nodes(self) -> range:
        """The computed nodes."""
        return range(self.num_inputs, self.num_inputs + self.num_nodes)

    @property
    def output_multiplier(self) -> int:
        """How many times the channels of a node the output has."""
        return self.num_nodes if self.output == "concat" else 1

    def row(self, target: int, source: int) -> int:
        """The row of the edge from `source` to `target`."""
        return self.edges.index(Edge(target, source))

    def incoming(self, node: int) -> tuple[int, ...]:
        """Rows of the edges that end in `node`."""
        return tuple(row for row, edge in enumerate(self.edges) if edge.target == node)


def block_kinds(lengths: Sequence[int]) -> tuple[str, ...]:
    """Names of the blocks, stage by stage.

    Args:
        lengths: number of blocks of every stage.

    >>> block_kinds((1, 2))
    ('stage-1-block-1', 'stage-2-block-1', 'stage-2-block-2')
    """
    return tuple(
        f"stage-{stage}-block-{block}" for stage, length in enumerate(lengths, 1) for block in range(1, length + 1)
    )


def stage_lengths(kinds: Sequence[str]) -> tuple[int, ...]:
    """Number of blocks of every stage, read from their names; empty for kinds that are not of a layer-wise network."""
    found = [_KIND.fullmatch(kind) for kind in kinds]
    stages = [int(match[1]) for match in found if match]
    lengths = tuple(stages.count(stage) for stage in range(1, max(stages, default=0) + 1))
    return lengths if block_kinds(lengths) == tuple(kinds) else ()
