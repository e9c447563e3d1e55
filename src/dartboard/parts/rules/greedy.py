"""Edges decided one after the other during a search."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.architecture import Architecture
from dartboard.parts.demands import Slots
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.protocol import EpochPlan, Outcome, Rule, SearchView
from dartboard.parts.rules.removal import OperationChoice, Scorable, due_epoch, surplus

__all__ = ["ByShare", "DecideGreedily", "certainty", "importance", "stability"]


@dataclass(frozen=True)
class ByShare:
    """The operation with the largest gate; among equals the first (DARTS, arXiv:1806.09055, section 2.4)."""

    def __call__(self, given: Scorable, kind: str, row: int) -> str:
        """The name of the operation."""
        cell = given.architecture.cells[kind]
        gates = given.architecture.mean_gates(given.alphas)[kind][row].tolist()
        return cell.ops[max(cell.selectable_columns[row], key=lambda column: gates[column])]


@dataclass(frozen=True)
class DecideGreedily(Rule):
    """Decide the most promising edge of every kind of cells from time to time (SGAS, arXiv:1912.00195, section 3.2).

    The score of an edge is its importance times its certainty, and by criterion 2 times its stability, each brought to
    [0, 1] over all edges of the kind, decided ones included; equal values are all 0. Of the undecided edges the one
    with the largest score is decided, among equals the first. A node that then has as many decided edges as the space
    keeps gives up its others. Where edges are all kept, every edge is decided once and `none` is an operation as
    others. In spaces without `none` all edges are equally important, and importance is left out of the product.

    Decisions come after epochs: the first after epoch `first` * epochs, counted from 0, the last after `last` *
    epochs, the others spread evenly; after 9, 14, ..., 44 of 50 in the spaces of DARTS, as in the paper.

    Attributes:
        criterion: 1 or 2.
        history: epochs before the one at hand with which stability compares.
        first: share of the stage's epochs.
        last: share of the stage's epochs.
        more_images: how many images are added to every batch per decision; decided edges need less memory.
        operation: chooses the operation that a decided edge keeps.

    Raises:
        RecipeError: the last decision would come before the first.
    """

    criterion: Literal[1, 2] = 1
    history: int = 4
    first: float = 9 / 50
    last: float = 44 / 50
    more_images: int = 8
    operation: OperationChoice = ByShare()

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise RecipeError(
                f"the last decision cannot come before the first, after {self.last:g} and {self.first:g} of the "
                "epochs; raise the last or lower the first."
            )

    def refuse_recipe(self, recipe: Slots) -> str:
        """There must be shares to judge by."""
        if recipe.relaxation.sums_to_one:
            return ""
        name = type(recipe.relaxation).__name__
        return f"DecideGreedily judges edges by shares of one, and the gates of {name} are none"

    @override
    def after_epoch(self, search: SearchView) -> Outcome:
        cells, shares = search.architecture.cells, _shares(search)
        history: list[dict[str, Tensor]] = search.records.get("shares", [])
        scores = {kind: self._scores(cells[kind], shares[kind], [past[kind] for past in history]) for kind in shares}
        records: dict[str, Any] = {"shares": [*history, shares][-self.history :]}
        done, total, plan = search.records.get("greedy_decisions", 0), _num_decisions(search.architecture), search.plan
        while done < total and self._due(done, total, search.stage_epochs) <= search.stage_epoch - 1:
            for kind, own in scores.items():
                plan = self._decide(search, plan, cells[kind], own)
            plan = replace(plan, extra_images=plan.extra_images + self.more_images)
            done += 1
        return Outcome(records | {"greedy_decisions": done}, plan=plan)

    def _due(self, number: int, total: int, epochs: int) -> int:
        first, last = (epochs * Fraction(share).limit_denominator(10_000) for share in (self.first, self.last))
        return min(epochs - 1, due_epoch(number, total, first, last))

    def _scores(self, cell: RelaxedCell, shares: Tensor, history: list[Tensor]) -> list[float]:
        columns = cell.selectable_columns
        factors = [certainty(shares, columns)]
        if "none" in cell.ops and bool(cell.live[:, cell.ops.index("none")].any()):
            factors.append(importance(shares, cell.ops))
        if self.criterion == 2:
            factors.append(stability(shares, history, columns))
        return [math.prod(of_edge) for of_edge in zip(*map(_spread, factors), strict=True)]

    def _decide(self, search: SearchView, plan: EpochPlan, cell: RelaxedCell, scores: list[float]) -> EpochPlan:
        kind, decided = cell.kind, plan.decisions.get(cell.kind, {})
        rows = [row for row, columns in enumerate(cell.selectable_columns) if columns and row not in decided]
        if not rows:
            return plan
        row = max(rows, key=lambda row: scores[row])
        plan = plan.decided(kind, row, self.operation(Scorable.of(search, plan), kind, row))
        node, kept = cell.topology.edges[row].target, cell.topology.edges_per_node
        incoming = cell.topology.incoming(node)
        ended = [row for row in incoming if plan.decisions[kind].get(row) is not None]
        if surplus(plan, cell, node) and len(ended) == kept:
            for other in set(incoming) - set(ended):
                plan = plan.decided(kind, other, None)
        return plan


def importance(shares: Tensor, ops: tuple[str, ...]) -> list[float]:
    """For every edge the shares of all operations but `none` together; shares are (edges, operations)."""
    return shares[:, [column for column, name in enumerate(ops) if name != "none"]].sum(dim=-1).tolist()


def certainty(shares: Tensor, columns: tuple[tuple[int, ...], ...]) -> list[float]:
    """For every edge 1 - entropy / log(operations) of the shares in its `columns`; 0 if even, 1 if one has all."""
    found = []
    for own, own_columns in zip(_among(shares, columns), columns, strict=True):
        entropy = -torch.special.xlogy(own, own).sum()
        found.append(1 - float(entropy) / math.log(len(own_columns)) if len(own_columns) > 1 else 1.0)
    return found


def stability(shares: Tensor, history: list[Tensor], columns: tuple[tuple[int, ...], ...]) -> list[float]:
    """For every edge what its shares in `columns` have in common with earlier ones, on average; 1 if they are equal.

    Args:
        shares: (edges, operations).
        history: earlier ones; without any every edge has 0.
        columns: for every edge those that count.
    """
    now, past = _among(shares, columns), [_among(earlier, columns) for earlier in history]
    common = [
        [float(torch.minimum(own, earlier[row]).sum()) for earlier in past] or [0.0] for row, own in enumerate(now)
    ]
    return [math.fsum(values) / len(values) for values in common]


def _among(shares: Tensor, columns: tuple[tuple[int, ...], ...]) -> list[Tensor]:
    """The shares in the columns of every edge, divided by their sum."""
    found = [own[list(own_columns)] for own, own_columns in zip(shares, columns, strict=True)]
    return [own / own.sum().clamp(min=torch.finfo(own.dtype).tiny) for own in found]


def _spread(values: list[float]) -> list[float]:
    """Brought to [0, 1]; equal values all to 0."""
    least, most = min(values), max(values)
    return [(value - least) / (most - least) if most > least else 0.0 for value in values]


@torch.no_grad()
def _shares(search: SearchView) -> dict[str, Tensor]:
    """The gates as alpha has them, decided edges included, (edges, operations) by kind, on the CPU."""
    architecture = search.architecture
    gates = architecture.relaxation.mean_cells(search.alphas, architecture.cells)
    return {kind: gate.double().cpu() for kind, gate in gates.items()}


def _num_decisions(architecture: Architecture) -> int:
    """Edges that a cell keeps."""
    topology = next(iter(architecture.cells.values())).topology
    most = topology.edges_per_node or len(topology.edges)
    return sum(min(most, len(topology.incoming(node))) for node in topology.nodes)
