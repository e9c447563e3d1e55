"""Functions that draw discrete cells at random, or list them in the order of their likelihood."""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence

import torch

from dartboard.space import CellTopology, Choice, SearchSpace

__all__ = ["Chosen", "cell_choices", "draw_by_shares", "draw_uniformly", "likeliest"]

Chosen = Mapping[int, int]
"""Row of a kept edge -> the column of its operation."""


def draw_uniformly(topology: CellTopology, columns: Sequence[Sequence[int]], generator: torch.Generator) -> Chosen:
    """A discrete cell drawn uniformly: for every node its predecessors without replacement, then their operations.

    Args:
        topology: the graph of the cell; it knows how many edges a node keeps.
        columns: for every edge the columns of the operations to draw from; an edge without any is not taken.
        generator: on the CPU.
    """
    chosen = {}
    for node in topology.nodes:
        rows = [row for row in topology.incoming(node) if columns[row]]
        order = torch.randperm(len(rows), generator=generator).tolist()
        for row in sorted(rows[place] for place in order[: topology.edges_per_node]):
            drawn = int(torch.randint(len(columns[row]), (), generator=generator))
            chosen[row] = columns[row][drawn]
    return chosen


def draw_by_shares(
    topology: CellTopology, columns: Sequence[Sequence[int]], gates: torch.Tensor, generator: torch.Generator
) -> Chosen:
    """A discrete cell drawn from the gates.

    Every node draws its edges without replacement, in proportion to the sum of the gates of each edge. Every drawn edge
    then draws one operation, in proportion to the gates.

    Args:
        topology: the graph of the cell.
        columns: for every edge the columns of the operations to draw from, at least one.
        gates: (edges, operations), not negative, on the CPU.
        generator: on the CPU.
    """
    chosen = {}
    for node in topology.nodes:
        rows = topology.incoming(node)
        strength = torch.stack([gates[row, list(columns[row])].sum() for row in rows]).double() + 1e-12
        count = len(rows) if topology.edges_per_node is None else min(len(rows), topology.edges_per_node)
        kept = torch.multinomial(strength, count, generator=generator).tolist()
        for row in sorted(rows[place] for place in kept):
            own = gates[row, list(columns[row])].double() + 1e-12
            chosen[row] = columns[row][int(torch.multinomial(own, 1, generator=generator))]
    return chosen


def likeliest(gates: torch.Tensor, columns: Sequence[Sequence[int]], count: int) -> list[tuple[int, ...]]:
    """The likeliest ways to give every row one column, the likeliest first (SETN, arXiv:1910.05733).

    The likelihood of a way is the product of its gates. The search keeps a heap of ways and starts from the best one.
    When a way is taken from the heap, its neighbours join the heap: the ways that replace the column of one row by the
    next best. So the product space is never listed.

    Args:
        gates: (rows, columns), not negative, on the CPU.
        columns: for every row the columns to choose from, at least one.
        count: the number of ways; the result has fewer if fewer exist.
    """
    ranked = [
        sorted(((float(gates[row, column]), column) for column in own), key=lambda pair: (-pair[0], pair[1]))
        for row, own in enumerate(columns)
    ]
    logs = [[math.log(max(gate, 1e-30)) for gate, _ in row] for row in ranked]
    start = (0,) * len(ranked)
    heap, seen = [(-sum(row[0] for row in logs), start)], {start}
    found: list[tuple[int, ...]] = []
    while heap and len(found) < count:
        _, places = heapq.heappop(heap)
        found.append(tuple(ranked[row][place][1] for row, place in enumerate(places)))
        for following in _one_step_down(places, logs):
            if following not in seen:
                seen.add(following)
                heapq.heappush(heap, (-sum(logs[row][place] for row, place in enumerate(following)), following))
    return found


def _one_step_down(places: tuple[int, ...], logs: Sequence[Sequence[float]]) -> Iterator[tuple[int, ...]]:
    for row, place in enumerate(places):
        if place + 1 < len(logs[row]):
            yield (*places[:row], place + 1, *places[row + 1 :])


def cell_choices(space: SearchSpace, chosen: Chosen) -> list[Choice]:
    """The drawn operations as choices of a genotype."""
    edges = space.cell.edges
    return [Choice(edges[row].target, edges[row].source, space.ops[chosen[row]]) for row in sorted(chosen)]
