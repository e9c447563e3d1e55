"""Architectures that a search proposes beside the one that it found."""

from collections.abc import Mapping

import torch
from torch import Tensor

from dartboard.parts.drawing import cell_choices, draw_by_shares, draw_uniformly
from dartboard.parts.selection import make_genotype
from dartboard.space import Choice, Genotype, SearchSpace, lets_images_through

__all__ = ["propose"]

_TRIES = 50
_SHARPNESS = 2.0
"""What the logarithm of a share grows by with every standard deviation. After a short search gates hardly differ, and
yet their order tells: see what is proposed in benchmarks/results/short_searches.md."""


def propose(
    space: SearchSpace, found: Genotype, gates: Mapping[str, Tensor] | None, count: int, generator: torch.Generator
) -> list[Genotype]:
    """The architecture found, and others drawn from what the search has learned; all of them differ.

    What is drawn and lets nothing of the images through is drawn again (`lets_images_through`).

    What is drawn are operations; no attention follows them, even where the architecture found has some.

    Args:
        space: the search space.
        found: the first of them.
        gates: by kind of cell, (edges, operations), not negative; by how many standard deviations they lie above the
            mean, the likelier is an operation. None: nothing has been learned, and all are equally likely.
        count: how many; fewer where the search is so sure that no more turn up.
        generator: on the CPU.
    """
    columns = {kind: space.selectable_columns(kind) for kind in space.cell_kinds}
    shares = {kind: _sharpened(gates[kind]) for kind in space.cell_kinds} if gates else {}
    proposals, seen = [found], {_choices(found)}
    for _ in range(_TRIES * count):
        if len(proposals) == count:
            break
        drawn = {
            kind: draw_by_shares(space.cell, columns[kind], shares[kind], generator)
            if shares
            else draw_uniformly(space.cell, columns[kind], generator)
            for kind in space.cell_kinds
        }
        proposal = make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})
        if _choices(proposal) not in seen and lets_images_through(space, proposal):
            proposals.append(proposal)
            seen.add(_choices(proposal))
    return proposals


def _sharpened(gates: Tensor) -> Tensor:
    """Gates as shares that do not depend on the scale of the gates."""
    deviation = gates.std(correction=0)
    return torch.exp(_SHARPNESS * (gates - gates.mean()) / deviation) if deviation > 0 else torch.ones_like(gates)


def _choices(genotype: Genotype) -> tuple[tuple[Choice, ...], ...]:
    """A key that two architectures share if they differ only in the order of their choices."""
    return tuple(tuple(sorted(cell.choices)) for _, cell in genotype.cells)
