"""Decisions by what the supernet loses without an operation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from dartboard.errors import SettingsError
from dartboard.search.rules.base import Rule
from dartboard.space import CellTopology

if TYPE_CHECKING:
    from dartboard.search.state import SearchState

__all__ = ["Criterion", "DecideByPerturbation", "due_epochs", "most_missed"]

Criterion = Literal["accuracy", "loss"]


@dataclass(frozen=True)
class DecideByPerturbation(Rule):
    """Edge by edge the operation without which the supernet does worst; then, node by node, the edges (DARTS-PT).

    An operation decision takes an undecided edge at random in every kind of cells, sets the gate of each of its
    operations to 0 in turn, the others unchanged, and scores the supernet on the validation images. A topology decision
    takes a node at random that receives more edges than the space keeps, scores the supernet without each of them, and
    gives up those that it misses least. Decisions are spread evenly over the stage, the first before its first epoch
    and the last before its last; between them the weights are tuned. Among equals the lower operation or edge stays.

    Paper: Wang et al., arXiv:2108.04392, algorithm 1; which of the removed edges goes is ranked once, as in effect in
    the authors' code.

    Attributes:
        criterion: what counts as doing worse: a lower accuracy, or a higher loss.
    """

    criterion: Criterion = "accuracy"

    def before_epoch(self, state: "SearchState") -> None:
        """Decide what is due."""
        steps = _steps(state)
        due = sum(epoch <= state.stage_epoch for epoch in due_epochs(len(steps), state.stage_epochs))
        done = state.records.get("perturbation", 0)
        generator = state.generators("perturbation-decisions")
        for what in steps[done:due]:
            for kind in state.architecture.cells:
                if what == "operation":
                    self._decide_operation(state, kind, generator)
                else:
                    self._decide_node(state, kind, generator)
        state.records["perturbation"] = max(done, due)

    def _decide_operation(self, state: "SearchState", kind: str, generator: torch.Generator) -> None:
        rows = _undecided(state, kind)
        if rows:
            row = rows[int(torch.randint(len(rows), (), generator=generator))]
            state.decide(kind, row, most_missed(state, kind, row, self.criterion))

    def _decide_node(self, state: "SearchState", kind: str, generator: torch.Generator) -> None:
        cell = state.architecture.cells[kind]
        keeps, decisions = cell.topology.edges_per_node, state.decisions.get(kind, {})
        kept = [[row for row in rows if decisions.get(row) is not None] for rows in cell.incoming]
        crowded = [rows for rows in kept if keeps is not None and len(rows) > keeps]
        if not crowded:
            return
        assert keeps is not None
        rows = crowded[int(torch.randint(len(crowded), (), generator=generator))]
        gates = state.mean_gates()
        missed = [_loss_without(state, gates, kind, [(row, slice(None))], self.criterion) for row in rows]
        ranked = sorted(range(len(rows)), key=lambda place: (-missed[place], place))
        for place in ranked[keeps:]:
            state.decide(kind, rows[place], None)


def due_epochs(decisions: int, epochs: int) -> list[int]:
    """Before which epoch of a stage each decision falls, from 0.

    >>> due_epochs(6, 25)
    [0, 5, 10, 15, 20, 24]
    """
    every = math.ceil((epochs - 1) / max(1, decisions - 1))
    return [min(every * number, epochs - 1) for number in range(decisions)]


def most_missed(state: "SearchState", kind: str, row: int, criterion: Criterion) -> str:
    """The operation of an edge without which the supernet does worst.

    Args:
        state: of a search whose supernet is scored on its validation images.
        kind: of the cells.
        row: of the edge.
        criterion: see `DecideByPerturbation`.

    Raises:
        SettingsError: there are no validation images.
    """
    cell, gates = state.architecture.cells[kind], state.mean_gates()
    columns = cell.choosable[row] or cell.live_columns[row]
    if len(columns) == 1:
        return cell.ops[columns[0]]
    missed = [_loss_without(state, gates, kind, [(row, column)], criterion) for column in columns]
    return cell.ops[columns[missed.index(max(missed))]]


def _steps(state: "SearchState") -> list[str]:
    """The decisions of the stage in order: as many on operations as the kind with most edges needs, then on nodes."""
    topologies = [cell.topology for cell in state.architecture.cells.values()]
    edges = max(len(topology.edges) for topology in topologies)
    nodes = max(sum(_is_crowded(topology, node) for node in topology.nodes) for topology in topologies)
    return ["operation"] * edges + ["node"] * nodes


def _is_crowded(topology: CellTopology, node: int) -> bool:
    """Whether a node receives more edges than a discrete cell keeps."""
    return topology.edges_per_node is not None and len(topology.incoming(node)) > topology.edges_per_node


def _undecided(state: "SearchState", kind: str) -> Sequence[int]:
    decided = state.decisions.get(kind, {})
    return [row for row in range(len(state.architecture.cells[kind].topology.edges)) if row not in decided]


def _loss_without(
    state: "SearchState",
    gates: dict[str, Tensor],
    kind: str,
    removed: Sequence[tuple[int, int | slice]],
    criterion: Criterion,
) -> float:
    """How bad the supernet is without these gates of a kind of cells."""
    without = gates[kind].clone()
    for place in removed:
        without[place] = 0.0
    score = state.score(state.architecture.with_gates({**gates, kind: without}))
    if score is None:
        raise SettingsError(
            "this method scores its supernet on validation images, and there are none; leave search.validation_images "
            "as it is, or give the dataset more images."
        )
    return -score.accuracy if criterion == "accuracy" else score.loss
