"""Architectures that a search proposes beside the one that it found."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from dartboard.parts.drawing import cell_choices, draw_uniformly
from dartboard.parts.limits import Limit, choose_within
from dartboard.parts.selection import Barring, Selection, StrongestEdges, make_genotype
from dartboard.space import Choice, Genotype, SearchSpace, lets_images_through

__all__ = ["propose", "propose_random"]

_TRIES = 50
_SHARPNESS = 2.0
"""What the logarithm of a share grows by with every standard deviation. After a short search gates hardly differ, and
yet their order tells: see what is proposed in benchmarks/results/short_searches.md."""


def propose_random(
    space: SearchSpace, found: Genotype, count: int, generator: torch.Generator, limit: Limit | None = None
) -> list[Genotype]:
    """The architecture found, and others drawn uniformly from the space; all of them differ.

    Args:
        space: the search space.
        found: the first of them.
        count: how many; fewer where no more turn up.
        generator: on the CPU.
        limit: that the others meet; None: no limit.
    """
    columns = {kind: space.selectable_columns(kind) for kind in space.cell_kinds}

    def drawn() -> Iterator[Genotype]:
        for _ in range(_TRIES * count):
            cells = {kind: draw_uniformly(space.cell, columns[kind], generator) for kind in space.cell_kinds}
            yield make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in cells.items()})

    return _first_different(space, found, _admitted(drawn(), limit), count)


def propose(
    space: SearchSpace,
    found: Genotype,
    gates: Mapping[str, Tensor] | None,
    count: int,
    generator: torch.Generator,
    *,
    selection: Selection | None = None,
    searched: Mapping[str, Tensor] | None = None,
    ranked: Sequence[Genotype] = (),
    limit: Limit | None = None,
) -> list[Genotype]:
    """The architecture found, those of a ranking, and what the selection makes of shaken gates; all of them differ.

    The likelier an operation, the more standard deviations its gate lies above the mean: the logarithm of its share
    gets Gumbel noise, so that the largest is drawn as from the shares. What the method restricts holds for all
    proposals, since its own selection chooses them: a cap of skip connections, a threshold, attention. What lets
    nothing of the images through is left out (`lets_images_through`).

    Args:
        space: the search space.
        found: the first of them.
        gates: deterministic gates by name, not negative. None: there are none that have learned, and only the ranking
            follows.
        count: how many; fewer where the search is so sure that no more turn up.
        generator: on the CPU.
        selection: of the method; None: `StrongestEdges`.
        searched: cell kind -> which operations can be proposed, (edges, operations), bool; None: all.
        ranked: come before what is drawn, in their order.
        limit: that the others meet; None: no limit.
    """
    chooses = selection or StrongestEdges()

    def drawn() -> Iterator[Genotype]:
        yield from ranked
        if gates is not None:
            able = _able(space, gates, chooses, searched or {})
            for _ in range(_TRIES * count):
                shaken = _shaken(gates, able, generator)
                chosen = chooses(space, shaken, generator)
                if limit is not None and not limit.admits(chosen):
                    chosen = choose_within(space, shaken, chooses, generator, limit) or chosen
                yield chosen

    return _first_different(space, found, _admitted(drawn(), limit), count)


def _admitted(drawn: Iterator[Genotype], limit: Limit | None) -> Iterator[Genotype]:
    return drawn if limit is None else filter(limit.admits, drawn)


def _first_different(space: SearchSpace, found: Genotype, others: Iterator[Genotype], count: int) -> list[Genotype]:
    """The architecture found, and as many others that differ and let images through."""
    proposals, seen = [found], {_choices(found)}
    for proposal in others:
        if len(proposals) == count:
            break
        if _choices(proposal) not in seen and lets_images_through(space, proposal):
            proposals.append(proposal)
            seen.add(_choices(proposal))
    return proposals[:count]


def _able(
    space: SearchSpace, gates: Mapping[str, Tensor], selection: Selection, searched: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Cell kind -> the operations that can be drawn: those searched whose gates the selection admits."""
    admitted = selection.admitted(space, gates) if isinstance(selection, Barring) else {}
    able = {kind: searched.get(kind, torch.ones_like(gates[kind], dtype=torch.bool)) for kind in space.cell_kinds}
    return {kind: mask & admitted.get(kind, mask) for kind, mask in able.items()}


def _shaken(gates: Mapping[str, Tensor], able: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Gates after noise, by name: at least 1 where an operation can be drawn, so that they reach any threshold."""
    shaken = dict(gates)
    for name, values in gates.items():
        kind, _, part = name.partition(".")
        mask = able[kind] if part in ("", "softmax") else torch.ones_like(values, dtype=torch.bool)
        if part != "auxiliary" and mask.any():  # a kind of cells that can be nothing else stays as it is
            noise = -torch.empty(values.shape).exponential_(generator=generator).log()
            drawn = torch.where(mask, torch.exp(_log_shares(values, mask) + noise), 0.0)
            shaken[name] = drawn / drawn[mask].min()
    return shaken


def _log_shares(values: Tensor, mask: Tensor) -> Tensor:
    """Logarithms of shares that do not depend on the scale of the gates."""
    own = values[mask]
    deviation = own.std(correction=0)
    return _SHARPNESS * (values - own.mean()) / deviation if deviation > 0 else torch.zeros_like(values)


def _choices(genotype: Genotype) -> tuple[tuple[tuple[Choice, ...], str], ...]:
    """A key that two architectures share if they differ only in the order of their choices."""
    return tuple((tuple(sorted(cell.choices)), cell.attention) for _, cell in genotype.cells)
