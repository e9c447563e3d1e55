"""Decisions one edge at a time, while the search goes on."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dartboard.search.relaxation import RelaxedCell
from dartboard.search.rules.base import Rule
from dartboard.search.rules.perturbing import Criterion, most_missed

if TYPE_CHECKING:
    from dartboard.search.state import SearchState

__all__ = ["DecideGreedily", "certainty", "greedy_epochs", "rescaled", "stability"]

_FIRST, _LAST = 10 / 50, 45 / 50
"""Shares of the epochs after which the authors decide first and last."""


@dataclass(frozen=True)
class DecideGreedily(Rule):
    """Now and then the edge of every kind of cells that is the most important, certain and stable is decided (SGAS).

    Importance is the share of operations other than `none`; certainty is 1 less the relative entropy of the operations
    that a cell may take; stability their overlap with those of the last epochs. Each is rescaled to [0, 1] over all
    edges of the kind, and their product ranks the undecided ones. A decided edge keeps its strongest operation; once a
    node has as many as the space keeps, its others are given up. Decisions are spread evenly over the epochs, the first
    after a fifth of them and the last after nine tenths.

    Paper: arXiv:1912.00195, section 3.2, criteria 1 and 2.

    Attributes:
        criterion: 1: importance times certainty; 2: times stability as well.
        history: epochs that stability looks back on, the present one included.
        operation: the strongest by its "share", or the one that the supernet misses most, by "accuracy" or "loss".
    """

    criterion: Literal[1, 2] = 1
    history: int = 4
    operation: Literal["share"] | Criterion = "share"

    def after_epoch(self, state: "SearchState") -> None:
        """Remember the epoch, and decide what is due."""
        for kind, cell in state.architecture.cells.items():
            own = state.records.setdefault(f"greedy.{kind}", {"past": [], "decided": {}, "count": 0})
            shares = state.architecture.recipe.relaxation.mean_gates(state.alphas[kind].detach(), _at_rest(cell)).cpu()
            for row, then in own["decided"].items():
                shares[row] = then  # alpha goes on decaying where it has no say any more
            own["past"] = [*own["past"], shares][-self.history :]
            due = sum(epoch <= state.stage_epoch for epoch in greedy_epochs(_wanted(cell), state.stage_epochs))
            while own["count"] < due:
                row = self._best(state, kind, cell, own["past"])
                own["decided"][row] = shares[row].clone()
                own["count"] += 1
                self._decide(state, kind, cell, row, shares)

    def _best(self, state: "SearchState", kind: str, cell: RelaxedCell, past: list[Tensor]) -> int:
        now, none = past[-1], [name == "none" for name in cell.ops]
        importance = now.masked_fill(torch.tensor(none), 0.0).sum(dim=-1)
        worth = rescaled(importance) * rescaled(certainty(now, cell))
        if self.criterion == 2:
            worth = worth * rescaled(stability(past, cell))
        decided = state.decisions.get(kind, {})
        return max((row for row in range(len(worth)) if row not in decided), key=lambda row: (float(worth[row]), -row))

    def _decide(self, state: "SearchState", kind: str, cell: RelaxedCell, row: int, shares: Tensor) -> None:
        columns = cell.choosable[row] or cell.live_columns[row]
        if self.operation == "share":
            op = cell.ops[max(columns, key=lambda column: (float(shares[row, column]), -column))]
        else:
            op = most_missed(state, kind, row, self.operation)
        state.decide(kind, row, op)
        keeps, decisions = cell.topology.edges_per_node, state.decisions[kind]
        for rows in cell.incoming:
            if keeps is not None and sum(decisions.get(other) is not None for other in rows) >= keeps:
                for other in rows:
                    if other not in decisions:
                        state.decide(kind, other, None)


def greedy_epochs(decisions: int, epochs: int) -> list[int]:
    """How many epochs are done when each decision falls.

    >>> greedy_epochs(8, 50)
    [10, 15, 20, 25, 30, 35, 40, 45]
    """
    between = (_LAST - _FIRST) / max(1, decisions - 1)
    return [round(epochs * (_FIRST + number * between)) for number in range(decisions)]


def rescaled(values: Tensor) -> Tensor:
    """Values brought to [0, 1] by their smallest and largest; all equal: 0."""
    spread = values.max() - values.min()
    return (values - values.min()) / spread if spread > 0 else torch.zeros_like(values)


def certainty(shares: Tensor, cell: RelaxedCell) -> Tensor:
    """1 less the entropy of the operations that each edge may take, by that of the uniform distribution, (edges,)."""
    return torch.stack([_certainty(_choosable(shares[row], cell, row)) for row in range(len(shares))])


def stability(past: list[Tensor], cell: RelaxedCell) -> Tensor:
    """Mean overlap of the operations that each edge may take now with those of the past epochs, (edges,)."""
    now = past[-1]
    overlaps = [
        [
            torch.minimum(_choosable(now[row], cell, row), _choosable(then[row], cell, row)).sum()
            for row in range(len(now))
        ]
        for then in past
    ]
    return torch.stack([torch.stack(each) for each in overlaps]).mean(dim=0)


def _certainty(shares: Tensor) -> Tensor:
    if len(shares) < 2:
        return torch.ones(())
    entropy: Tensor = torch.special.entr(shares).sum()
    return 1 - entropy / math.log(len(shares))


def _choosable(shares: Tensor, cell: RelaxedCell, row: int) -> Tensor:
    own = shares[list(cell.choosable[row] or cell.live_columns[row])]
    return own / own.sum().clamp_min(1e-12)


def _wanted(cell: RelaxedCell) -> int:
    """Decisions that make a cell discrete."""
    keeps = cell.topology.edges_per_node
    return sum(len(rows) if keeps is None else min(keeps, len(rows)) for rows in cell.incoming)


def _at_rest(cell: RelaxedCell) -> RelaxedCell:
    return cell if cell.temperature == 1.0 else replace(cell, temperature=1.0)
