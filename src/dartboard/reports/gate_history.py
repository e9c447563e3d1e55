"""The history of the gates of a search, edge by edge."""

from collections.abc import Sequence

from dartboard.reports.charts.gate_charts import CellGates, EdgeGates
from dartboard.runs.events import SearchEpoch
from dartboard.space import CellGenotype, Genotype

__all__ = ["read_gates"]

Gates = Sequence[Sequence[float]]
"""Gates of one kind of cells, edges x operations."""


def read_gates(epochs: Sequence[SearchEpoch], genotype: Genotype | None) -> tuple[CellGates, ...]:
    """The gates of every kind of cells over the epochs of a search.

    Args:
        epochs: epochs of the search, at least one.
        genotype: architecture found by the search; it gives the graph of the cell and the chosen operations.
    """
    last, cells = epochs[-1], dict(genotype.cells) if genotype else {}
    facts = []
    for kind, gates in last.gates.items():
        # A search in stages may change the number of operations; only epochs with the last shape are comparable.
        alike = [epoch for epoch in epochs if _shape(epoch.gates.get(kind, ())) == _shape(gates)]
        edges = _edges([epoch.gates[kind] for epoch in alike], cells.get(kind))
        facts.append(CellGates(kind, last.operations, tuple(epoch.epoch for epoch in alike), edges))
    return tuple(facts)


def _shape(gates: Gates) -> tuple[int, ...]:
    return tuple(map(len, gates))


def _edges(history: Sequence[Gates], cell: CellGenotype | None) -> tuple[EdgeGates, ...]:
    """One entry for each row of the gates; `history` is epochs x edges x operations."""
    ends = _ends(len(history[-1]), cell)
    edges = []
    for row, numbers in enumerate(history[-1]):
        gates = tuple(tuple(epoch[row][column] for epoch in history) for column in range(len(numbers)))
        if ends is None:
            edges.append(EdgeGates(f"edge {row + 1}", None, None, (), gates))
        else:
            source, target = ends[row]
            choices = cell.choices if cell else ()
            kept = tuple(choice.op for choice in choices if (choice.source, choice.target) == (source, target))
            edges.append(EdgeGates(f"{source} → {target}", source, target, kept, gates))
    return tuple(edges)


def _ends(num_edges: int, cell: CellGenotype | None) -> list[tuple[int, int]] | None:
    """(source, target) of each row of the gates, if the cell is densely connected; None for other graphs."""
    if cell is None or not cell.choices:
        return None
    computed = [*(choice.target for choice in cell.choices), *cell.outputs]
    # The genotype may leave nodes out, before or after those that it names, so the number of edges decides.
    for first in range(min(computed), 0, -1):
        ends: list[tuple[int, int]] = []
        while len(ends) < num_edges:
            target = first if not ends else ends[-1][1] + 1
            ends += [(source, target) for source in range(target)]
        if len(ends) == num_edges and ends[-1][1] >= max(computed):
            return ends
    return None
