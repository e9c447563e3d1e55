"""What can change places in a supernet, and the supernet in which it has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dartboard.space import CellPlace
from dartboard.supernet import MixedCell, ReferenceSupernet, by_place

__all__ = ["Exchange", "cell_exchanges", "edge_exchanges", "exchanged", "layer_exchanges"]


@dataclass(frozen=True)
class Exchange:
    """Two edges of one cell or of all cells of a kind, or two layers, that change places with their weights and gates.

    Attributes:
        name: what changes places with what, for people.
        weights: pairs of beginnings of the names of their weights.
        kinds: the cell kinds whose gates change places; the same twice for edges, and for layers of one kind.
        rows: the rows of the gates that do, in the slot of edges; None: all of them.
        cell: number of the only cell of the kind whose edges do; None: all of them.
    """

    name: str
    weights: tuple[tuple[str, str], ...]
    kinds: tuple[str, str]
    rows: tuple[int, int] | None = None
    cell: int | None = None


def edge_exchanges(supernet: ReferenceSupernet) -> list[list[Exchange]]:
    """For every kind of cells with any: the pairs of edges that have the same form in all of its cells.

    The cells of a kind share their gates, so the same two edges change places in all of them.
    """
    groups = []
    for kind in supernet.spec.space.cell_kinds:
        cells = {index: cell for index, cell in supernet.cells() if cell.kind == kind}
        rows = range(len(supernet.spec.space.cell.edges))
        pairs = [
            (one, other)
            for one, other in combinations(rows, 2)
            if all(_edge_form(cell, one) == _edge_form(cell, other) for cell in cells.values())
        ]
        if pairs:
            groups.append([_edge_exchange(supernet, kind, list(cells), pair) for pair in pairs])
    return groups


def cell_exchanges(supernet: ReferenceSupernet) -> list[list[Exchange]]:
    """For every cell with any: the pairs of its edges that have the same form. Only there they change places.

    The gates of the cell change places with the edges, so exchanged cells need gates of their own.
    """
    groups = []
    for place, (index, cell) in enumerate(supernet.cells(), start=1):
        rows = range(len(supernet.spec.space.cell.edges))
        same = [pair for pair in combinations(rows, 2) if _edge_form(cell, pair[0]) == _edge_form(cell, pair[1])]
        exchanges = [_edge_exchange(supernet, cell.kind, [index], pair) for pair in same]
        own = [
            replace(each, name=f"cell {place}, {each.name.partition(': ')[2]}", cell=cell.number) for each in exchanges
        ]
        if own:
            groups.append(own)
    return groups


def layer_exchanges(supernet: ReferenceSupernet) -> list[list[Exchange]]:
    """For every row of layers of the same form, such as those of a stage after its first: its pairs."""
    blocks = enumerate(supernet.backbone.blocks)
    rows = [list(same) for form, same in groupby(blocks, lambda each: _layer_form(supernet, *each)) if form]
    return [
        [
            Exchange(
                f"layers {one + 1} and {other + 1}",
                ((f"backbone.blocks.{one}.", f"backbone.blocks.{other}."),),
                (str(first.kind), str(second.kind)),
            )
            for (one, first), (other, second) in combinations(layers, 2)
        ]
        for layers in rows
        if len(layers) > 1
    ]


def exchanged(
    supernet: nn.Module, gates: Mapping[str, Tensor], exchanges: Sequence[Exchange]
) -> tuple[Callable[..., Tensor], dict[str, Tensor]]:
    """A copy of the supernet and of its gates in which these parts have changed places, one pair after the other.

    Args:
        supernet: called as supernet(images, gates).
        gates: by name (see `Architecture`).
        exchanges: what changes places.
    """
    weights = {**dict(supernet.named_parameters()), **dict(supernet.named_buffers())}
    put = dict(gates)
    if any(exchange.cell is not None for exchange in exchanges):
        assert isinstance(supernet, ReferenceSupernet)
        put = {name: gate.clone() for name, gate in by_place(gates, supernet.spec.cell_counts).items()}
    for exchange in exchanges:
        for one, other in exchange.weights:
            weights |= dict(_swapped(weights, one, other))
        put |= dict(_swapped_gates(put, exchange))

    def run(*given: Any, **options: Any) -> Tensor:
        logits: Tensor = functional_call(supernet, weights, given, options)
        return logits

    return run, put


def _edge_exchange(supernet: ReferenceSupernet, kind: str, indices: Sequence[int], rows: tuple[int, int]) -> Exchange:
    one, other = rows
    edges = [supernet.spec.space.cell.edges[row] for row in rows]
    ends = " and ".join(f"{edge.source}-{edge.target}" for edge in edges)
    weights = tuple(
        (f"backbone.blocks.{index}.{part}.{one}.", f"backbone.blocks.{index}.{part}.{other}.")
        for index in indices
        for part in _PARTS
    )
    return Exchange(f"{kind}: edges {ends}", weights, (kind, kind), rows)


_PARTS = ("edges", "auxiliary", "attention")
"""What of a cell has an entry for every edge."""

_GATES = ("", ".edges", ".auxiliary", ".attention")
"""Endings of the names of gates that have a row for every edge."""


def _edge_form(cell: MixedCell, row: int) -> tuple[object, ...]:
    """What two edges must have in common to change places: stride, operations, and the shapes of all weights."""
    parts = [list(getattr(cell, part))[row] for part in _PARTS if len(getattr(cell, part))]
    return cell.strides[row], tuple(cell.ops_of(row, None)), tuple(_shapes(part) for part in parts)


def _layer_form(supernet: ReferenceSupernet, index: int, cell: nn.Module) -> tuple[object, ...]:
    """What two layers must have in common to change places; None for a layer that is no cell."""
    if not isinstance(cell, MixedCell):
        return ()
    place = supernet.spec.plan.places[index]
    assert isinstance(place, CellPlace)
    edges = tuple(_edge_form(cell, row) for row in range(len(cell.strides)))
    return place.map_size, cell.shortcut, edges, _shapes(cell)


def _shapes(module: nn.Module) -> tuple[tuple[str, torch.Size], ...]:
    return tuple((name, weight.shape) for name, weight in module.state_dict().items())


def _swapped(weights: Mapping[str, Tensor], one: str, other: str) -> Iterator[tuple[str, Tensor]]:
    for name, weight in weights.items():
        for own, its in ((one, other), (other, one)):
            if name.startswith(own):
                yield its + name.removeprefix(own), weight


def _swapped_gates(gates: Mapping[str, Tensor], exchange: Exchange) -> Iterator[tuple[str, Tensor]]:
    first, second = exchange.kinds
    if exchange.cell is not None and exchange.rows is not None:
        placed, (one, other) = gates[first].clone(), exchange.rows
        placed[exchange.cell, [one, other]] = gates[first][exchange.cell, [other, one]]
        yield first, placed
        return
    for ending in (*_GATES, *([".end"] if exchange.rows is None else [])):
        if first + ending not in gates:
            continue
        if exchange.rows is None:
            yield first + ending, gates[second + ending]
            yield second + ending, gates[first + ending]
        else:
            one, other = exchange.rows
            order = list(range(len(gates[first + ending])))
            order[one], order[other] = other, one
            yield first + ending, gates[first + ending][order]
