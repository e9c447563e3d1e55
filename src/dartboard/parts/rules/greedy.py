"""A rule that decides edges one after the other during a search, and the scores of the edges."""

import math
import time
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
from dartboard.parts.rules.perturbation import due_epoch, surplus, told_decision
from dartboard.parts.rules.protocol import EpochPlan, Outcome, Rule, SearchView
from dartboard.parts.rules.removal import OperationChoice, Scorable, Verdict, edge_name
from dartboard.runs import Candidate, EdgeScore

__all__ = ["ByShare", "DecideGreedily", "certainty", "importance", "stability"]


@dataclass(frozen=True)
class ByShare:
    """The operation with the largest gate; among equals the first (DARTS, arXiv:1806.09055, section 2.4)."""

    def __call__(self, given: Scorable, kind: str, row: int) -> Verdict:
        """The operation, and the gates of all."""
        cell = given.architecture.cells[kind]
        gates = given.architecture.mean_gates(given.alphas)[kind][row].tolist()
        ranked = sorted(cell.selectable_columns[row], key=lambda column: -gates[column])
        names = [cell.ops[column] for column in ranked]
        candidates = tuple(
            Candidate(name=cell.ops[column], gate=gates[column]) for column in cell.selectable_columns[row]
        )
        runner_up = names[1] if len(names) > 1 else None
        tie = "index" if runner_up and gates[ranked[0]] == gates[ranked[1]] else None
        told = {"chosen": names[0], "runner_up": runner_up, "by_gate": names[0], "tie": tie}
        return Verdict((names[0],), {"by": "gates", "candidates": candidates, **told})

    def count_trials(self, cell: RelaxedCell, row: int) -> int:  # noqa: ARG002 - gates need no trials
        """None."""
        return 0


@dataclass(frozen=True)
class DecideGreedily(Rule):
    """Decide the most promising edge of every kind of cells at set epochs (SGAS, arXiv:1912.00195, section 3.2).

    The score of an edge is its importance times its certainty; criterion 2 also multiplies by its stability. Each
    factor is first rescaled to [0, 1] over all edges of the kind, decided edges included; if all values are equal, they
    become 0. The rule decides the undecided edge with the largest score; ties go to the first. When a node has as many
    decided edges as the space keeps, its other edges are given up. In a space that keeps all edges, every edge is
    decided once, and `none` is an operation like the others. In spaces without `none` all edges are equally important,
    and importance is left out of the product.

    Decisions come after epochs, which count from 0: the first decision after epoch `first` * epochs, the last after
    epoch `last` * epochs, the others evenly between. In the spaces of DARTS and a search of 50 epochs these are the
    epochs 9, 14, ..., 44, as in the paper.

    Attributes:
        criterion: 1 or 2.
        history: number of earlier epochs that stability compares with.
        first: when the first decision comes, as a share of the stage's epochs.
        last: when the last decision comes, as a share of the stage's epochs.
        more_images: how many images every decision adds to a batch; decided edges need less memory.
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
                f"the last decision cannot come before the first, but `last` is {self.last:g} of the epochs and "
                f"`first` is {self.first:g}; raise the last or lower the first."
            )

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations whose gates do not sum to one on an edge."""
        if recipe.relaxation.sums_to_one:
            return ""
        name = type(recipe.relaxation).__name__
        return f"DecideGreedily needs gates that sum to one on every edge, and the gates of {name} do not"

    @override
    def count_trials(self, architecture: Architecture) -> int:
        """As many as the edges with the most operations would take."""
        return _num_decisions(architecture) * sum(
            max(self.operation.count_trials(cell, row) for row in range(len(cell.live)))
            for cell in architecture.cells.values()
        )

    @override
    def count_decisions(self, architecture: Architecture) -> int:
        return _num_decisions(architecture) * len(architecture.cells) if self.count_trials(architecture) else 0

    @override
    def after_epoch(self, search: SearchView) -> Outcome:
        cells, shares = search.architecture.cells, _shares(search)
        history: list[dict[str, Tensor]] = search.records.get("shares", [])
        scores = {kind: self._scores(cells[kind], shares[kind], [past[kind] for past in history]) for kind in shares}
        records: dict[str, Any] = {"shares": [*history, shares][-self.history :]}
        done, total, plan = search.records.get("greedy_decisions", 0), _num_decisions(search.architecture), search.plan
        while done < total and self._due(done, total, search.stage_epochs) <= search.stage_epoch - 1:
            for kind, own in scores.items():
                plan = self._decide(search, plan, cells[kind], own, done + 1)
            plan = replace(plan, extra_images=plan.extra_images + self.more_images)
            done += 1
        return Outcome(records | {"greedy_decisions": done}, plan=plan)

    def _due(self, number: int, total: int, epochs: int) -> int:
        first, last = (epochs * Fraction(share).limit_denominator(10_000) for share in (self.first, self.last))
        return min(epochs - 1, due_epoch(number, total, first, last))

    def _scores(self, cell: RelaxedCell, shares: Tensor, history: list[Tensor]) -> list[EdgeScore]:
        columns = cell.selectable_columns
        factors = {"certainty": certainty(shares, columns)}
        if "none" in cell.ops and bool(cell.live[:, cell.ops.index("none")].any()):
            factors["importance"] = importance(shares, cell.ops)
        if self.criterion == 2:
            factors["stability"] = stability(shares, history, columns)
        spread = [_spread(values) for values in factors.values()]
        return [
            EdgeScore(
                name=edge_name(cell, row),
                score=math.prod(values[row] for values in spread),
                factors={name: values[row] for name, values in factors.items()},
            )
            for row in range(len(cell.live))
        ]

    def _decide(
        self, search: SearchView, plan: EpochPlan, cell: RelaxedCell, scores: list[EdgeScore], number: int
    ) -> EpochPlan:
        kind, decided = cell.kind, plan.decisions.get(cell.kind, {})
        rows = [row for row, columns in enumerate(cell.selectable_columns) if columns and row not in decided]
        if not rows:
            return plan
        started, row = time.perf_counter(), max(rows, key=lambda row: scores[row].score)
        verdict = self.operation(Scorable.of(search, plan), kind, row)
        ranked = tuple(sorted((scores[each] for each in rows), key=lambda edge: -edge.score))
        told_decision(
            search, verdict, cell, (number, search.steps), started, row=row, after_epoch=True, edge_scores=ranked
        )
        plan = plan.decided(kind, row, verdict.chosen[0])
        node, kept = cell.topology.edges[row].target, cell.topology.edges_per_node
        incoming = cell.topology.incoming(node)
        ended = [row for row in incoming if plan.decisions[kind].get(row) is not None]
        if surplus(plan, cell, node) and len(ended) == kept:
            for other in set(incoming) - set(ended):
                plan = plan.decided(kind, other, None)
        return plan


def importance(shares: Tensor, ops: tuple[str, ...]) -> list[float]:
    """For every edge the sum of the shares of all operations but `none`; shares are (edges, operations)."""
    return shares[:, [column for column, name in enumerate(ops) if name != "none"]].sum(dim=-1).tolist()


def certainty(shares: Tensor, columns: tuple[tuple[int, ...], ...]) -> list[float]:
    """For every edge 1 - entropy / log(number of operations), from the shares in its `columns`.

    Equal shares give 0. An edge gets 1 if one operation has the whole share, or if it has one operation only.

    Args:
        shares: (edges, operations).
        columns: for every edge the columns of the operations that count.
    """
    found = []
    for own, own_columns in zip(_among(shares, columns), columns, strict=True):
        entropy = -torch.special.xlogy(own, own).sum()
        found.append(1 - float(entropy) / math.log(len(own_columns)) if len(own_columns) > 1 else 1.0)
    return found


def stability(shares: Tensor, history: list[Tensor], columns: tuple[tuple[int, ...], ...]) -> list[float]:
    """For every edge the mean overlap of its shares with its earlier shares: the sum of the smaller one of each pair.

    The overlap is 1 if the shares are equal.

    Args:
        shares: (edges, operations).
        history: the shares of earlier epochs, (edges, operations) each; if it is empty, every edge gets 0.
        columns: for every edge the columns of the operations that count.
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
    """The values rescaled to [0, 1]; equal values all become 0."""
    least, most = min(values), max(values)
    return [(value - least) / (most - least) if most > least else 0.0 for value in values]


@torch.no_grad()
def _shares(search: SearchView) -> dict[str, Tensor]:
    """The gates that follow from alpha alone, for decided edges too, (edges, operations) by kind, on the CPU."""
    architecture = search.architecture
    gates = architecture.relaxation.mean_cells(search.alphas, architecture.cells)
    return {kind: gate.double().cpu() for kind, gate in gates.items()}


def _num_decisions(architecture: Architecture) -> int:
    """The number of edges that a cell keeps."""
    topology = next(iter(architecture.cells.values())).topology
    most = topology.edges_per_node or len(topology.edges)
    return sum(min(most, len(topology.incoming(node))) for node in topology.nodes)
