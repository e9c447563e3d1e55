"""A rule that shrinks the supernet by how much the outputs of operations differ between their channels."""

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.architecture import StepGates
from dartboard.parts.leaving import Left
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.protocol import MovableSearch, Outcome, Rule, SearchView

__all__ = ["ShrinkByInformation", "drops_of", "little_information"]

Told = Mapping[str, Mapping[tuple[int, int], float]]
"""Cell kind -> (row of an edge, column of an operation) -> how little its outputs tell."""

_PUBLISHED = {True: (23 / 30, 29 / 30, None), False: (30 / 50, 48 / 50, 7)}
"""Whether the space keeps every edge -> first and last time that operations leave, as shares of the epochs, and how
often they do; None: once less than an edge has operations."""


def little_information(outputs: Tensor) -> Tensor:
    """How little the channels of every image tell, (images,): the less they differ, the larger it is (IS-DARTS).

    It is the mean over pixels and channels of 3 (x - m)^2 / s^6, where m and s^2 are the mean and the unbiased variance
    of a pixel over the channels: 3 (C - 1) / C times the mean over pixels of 1 / s^4. Where a pixel has the same value
    in all channels, it is infinite. Twice the outputs have a sixteenth of it. Paper: arXiv:2312.12648.

    Args:
        outputs: (images, channels, height, width).
    """
    wide = outputs.float()
    channels = wide.shape[1]
    if channels == 1:
        return torch.full((len(wide),), math.inf, device=wide.device)
    factor = 3 * (channels - 1) / channels
    return factor * wide.var(dim=1).square().reciprocal().flatten(1).mean(dim=1)


def drops_of(candidates: int, kept: int, times: int) -> list[int]:
    """How many of so many candidates leave at each of so many times, so that `kept` are left in the end.

    >>> drops_of(24, 2, 7), drops_of(5, 1, 4)
    ([4, 3, 3, 3, 3, 3, 3], [1, 1, 1, 1])
    """
    drops = []
    for left in range(times, 0, -1):
        drops.append(max(0, math.ceil((candidates - kept) / left)))
        candidates -= drops[-1]
    return drops


@dataclass(frozen=True)
class ShrinkByInformation(Rule):
    """Let the operations leave whose outputs tell least, a few at a time, until a discrete cell is left (IS-DARTS).

    What an output tells is measured by `little_information`, averaged over training images and over the cells of a
    kind, with batch statistics, in as many batches as an epoch has steps. Where the space keeps every edge, every edge
    loses one operation at a time until one is left. Else every node loses operations of all its edges together, in
    equal parts, until as many are left as it keeps edges; they may share an edge. Among equals the lower edge, then the
    lower operation leaves first. No label has a say. Paper: arXiv:2312.12648, with the times of the authors' code.

    Attributes:
        first: share of the stage's epochs after which operations first leave; None: 23/30 where the space keeps every
            edge, else 30/50.
        last: share of the stage's epochs after which they last leave; None: 29/30, or 48/50.
        times: how often they leave; None: once less than an edge has operations, or 7 times.
        distinct_sources: whether a node never loses the last operation of its last but one edge, so that its inputs
            come from different nodes.
    """

    first: float | None = None
    last: float | None = None
    times: int | None = None
    distinct_sources: bool = False
    ignores_labels: ClassVar[bool] = True

    @override
    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:
        left = search.plan.left
        due = self.due(search)
        if not due:
            return None
        figures: dict[str, float | None] = {}
        for number in due:
            at = search.architecture.at(
                search.plan.temperature, search.plan.auxiliary_gate, search.plan.decisions, left
            )
            told = self._measure(search, StepGates(at.mean_gates(search.alphas), at.active), steps, number)
            for cell in at.cells.values():
                left = self._shrink(left, cell, told[cell.kind], self._times(cell) - number)
            figures = {"left_operations": float(_count(left)), **_medians(at.cells.values(), told)}
        return Outcome(figures=figures, plan=replace(search.plan, left=left))  # type: ignore[arg-type]

    def due(self, search: SearchView) -> list[int]:
        """The numbers, from 0, of the times that fall after the epoch at hand."""
        cell = next(iter(search.architecture.cells.values()))
        first, last, _ = _PUBLISHED[cell.topology.edges_per_node is None]
        first, last = self.first if self.first is not None else first, self.last if self.last is not None else last
        times, epochs = self._times(cell), search.stage_epochs
        ends = [
            min(epochs, max(1, round(epochs * (first + (last - first) * number / max(1, times - 1)))))
            for number in range(times)
        ]
        return [number for number, end in enumerate(ends) if end == search.stage_epoch + 1]

    def _times(self, cell: RelaxedCell) -> int:
        """How often operations leave."""
        published = _PUBLISHED[cell.topology.edges_per_node is None][2]
        return self.times or published or max(1, max(map(len, cell.live_columns)) - 1)

    def _measure(self, search: SearchView, gates: StepGates, steps: int, number: int) -> Told:
        """How little the outputs of the operations that run tell, averaged over images and cells."""
        sums: dict[tuple[int, int, str], Tensor] = {}
        images = 0

        def read(block: int, row: int, op: str, outputs: Tensor) -> None:
            found = little_information(outputs).sum()
            place = block, row, op
            sums[place] = sums[place] + found if place in sums else found

        generator = search.generator(f"information-{number}")
        for batch in search.score.training_batches(generator, steps):
            search.score.watch(gates, batch, read)
            images += len(batch.labels)
        totals = torch.stack(list(sums.values())).tolist() if sums else []
        cells, kinds = search.architecture.cells, search.score.cell_kinds
        told: dict[str, dict[tuple[int, int], list[float]]] = {kind: {} for kind in cells}
        for (block, row, op), total in zip(sums, totals, strict=True):
            kind = kinds[block]
            each = told[kind].setdefault((row, cells[kind].ops.index(op)), [])
            each.append(math.inf if math.isnan(total) else total / images)
        return {kind: {place: sum(each) / len(each) for place, each in own.items()} for kind, own in told.items()}

    def _shrink(self, left: Left, cell: RelaxedCell, told: Mapping[tuple[int, int], float], times_left: int) -> Left:
        """What has left after one more time, of which there are so many with this one."""
        keeps, stay = cell.topology.edges_per_node, left.staying(cell)
        groups = [(row,) for row in range(len(stay))] if keeps is None else cell.incoming
        for rows in groups:
            places = [(row, column) for row in rows for column in stay[row]]
            least = 1 if keeps is None else min(keeps, len(rows))
            leaving = drops_of(len(places), least, times_left)[0]
            ranked = sorted(places, key=lambda place: (-told.get(place, math.inf), place))
            for row, column in self._allowed(ranked, least, leaving):
                left = left.and_also(cell.kind, row, cell.ops[column])
        return left

    def _allowed(self, ranked: list[tuple[int, int]], least: int, leaving: int) -> Iterator[tuple[int, int]]:
        """The first places that may leave."""
        kept = list(ranked)
        for place in ranked:
            if not leaving:
                return
            others = {row for row, column in kept if (row, column) != place}
            if self.distinct_sources and len(others) < least:
                continue
            kept.remove(place)
            leaving -= 1
            yield place


def _count(left: Left) -> int:
    return sum(len(names) for rows in left.operations.values() for names in rows.values())


def _medians(cells: Iterable[RelaxedCell], told: Told) -> dict[str, float | None]:
    """Per operation the median over the edges of what was measured, for the record; None where it is infinite."""
    values: dict[str, list[float]] = {}
    for cell in cells:
        for (_, column), value in told[cell.kind].items():
            values.setdefault(cell.ops[column], []).append(value)
    middle = {name: statistics.median(each) for name, each in values.items()}
    return {f"little_information_{name}": each if math.isfinite(each) else None for name, each in middle.items()}
