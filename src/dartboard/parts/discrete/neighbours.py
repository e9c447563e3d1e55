"""Architectures that differ in one decision, and architectures as vectors, for searches that train each one."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from dartboard.parts.drawing import Chosen, cell_choices
from dartboard.parts.selection.protocol import make_genotype
from dartboard.space import Genotype, SearchSpace

__all__ = ["encode", "encoding_size", "mutate", "neighbours"]


def neighbours(space: SearchSpace, genotype: Genotype) -> tuple[Genotype, ...]:
    """All architectures that differ in one decision: the operation of an edge, or the predecessor of a kept one.

    In NAS-Bench-201 these are 24, in the DARTS space 120 (60 a cell: 48 operations and 12 predecessors). None of them
    equals the architecture itself. Attention is left out.

    Args:
        space: the search space.
        genotype: an architecture of it.
    """
    return tuple(_built(space, changed) for kind in space.cell_kinds for changed in _changes(space, genotype, kind))


def mutate(space: SearchSpace, genotype: Genotype, generator: torch.Generator) -> Genotype:
    """The architecture with one decision drawn anew, so that it differs.

    In spaces that drop edges, one kept edge of one cell changes its operation or, as often, its predecessor
    (arXiv:1802.01548); elsewhere an edge changes its operation.

    Args:
        space: the search space.
        genotype: an architecture of it.
        generator: on the CPU.
    """
    operations = [each for kind in space.cell_kinds for each in _other_operations(space, genotype, kind)]
    sources = [each for kind in space.cell_kinds for each in _other_sources(space, genotype, kind)]
    moves = bool(sources) and (not operations or bool(torch.randint(2, (), generator=generator)))
    pool = sources if moves else operations
    return _built(space, pool[int(torch.randint(len(pool), (), generator=generator))]) if pool else genotype


def encoding_size(space: SearchSpace) -> int:
    """Length of the vector of an architecture."""
    return len(space.cell_kinds) * len(space.cell.edges) * len(space.ops)


def encode(space: SearchSpace, genotype: Genotype) -> Tensor:
    """The architecture as a vector: for every edge of every kind of cells one place per operation, 1 for the chosen.

    An edge that is dropped has zeros only.

    Args:
        space: the search space.
        genotype: an architecture of it.

    Returns:
        (kinds x edges x operations,), float32.
    """
    vector = torch.zeros(len(space.cell_kinds), len(space.cell.edges), len(space.ops))
    for place, kind in enumerate(space.cell_kinds):
        for row, column in _chosen(space, genotype, kind).items():
            vector[place, row, column] = 1.0
    return vector.flatten()


Cells = Mapping[str, Chosen]
"""Kind of cells -> row of every kept edge -> column of its operation."""


def _chosen(space: SearchSpace, genotype: Genotype, kind: str) -> dict[int, int]:
    return {
        space.cell.row(choice.target, choice.source): space.ops.index(choice.op) for choice in genotype[kind].choices
    }


def _cells(space: SearchSpace, genotype: Genotype) -> dict[str, Chosen]:
    return {kind: _chosen(space, genotype, kind) for kind in space.cell_kinds}


def _changes(space: SearchSpace, genotype: Genotype, kind: str) -> Iterator[Cells]:
    yield from _other_operations(space, genotype, kind)
    yield from _other_sources(space, genotype, kind)


def _other_operations(space: SearchSpace, genotype: Genotype, kind: str) -> Iterator[Cells]:
    cells, columns = _cells(space, genotype), space.selectable_columns(kind)
    own = cells[kind]
    for row, column in sorted(own.items()):
        for other in columns[row]:
            if other != column:
                yield {**cells, kind: {**own, row: other}}


def _other_sources(space: SearchSpace, genotype: Genotype, kind: str) -> Iterator[Cells]:
    if space.cell.edges_per_node is None:
        return
    cells, columns = _cells(space, genotype), space.selectable_columns(kind)
    own = cells[kind]
    for row, column in sorted(own.items()):
        for other in space.cell.incoming(space.cell.edges[row].target):
            if other not in own and column in columns[other]:
                yield {**cells, kind: {**{each: own[each] for each in own if each != row}, other: column}}


def _built(space: SearchSpace, cells: Cells) -> Genotype:
    return make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in cells.items()})
