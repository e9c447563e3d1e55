"""What a trained supernet loses when something is taken out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch

from dartboard.errors import SettingsError
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.decisions import due_epoch, kept_rows, surplus
from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["ByRemoval", "DecideByRemoval", "Measure", "OperationChoice"]

Measure = Literal["accuracy", "loss"]
"""What tells how good a supernet is on validation images."""


class OperationChoice(Protocol):
    """Chooses the operation that a decided edge keeps."""

    def __call__(self, state: "SearchState", kind: str, row: int) -> str:
        """The name of one of the edge's `selectable_columns`."""
        ...


@dataclass(frozen=True)
class ByRemoval:
    """The operation without which the supernet does worst; among equals the first (DARTS-PT, arXiv:2108.04392).

    The gate of one operation at a time is set to 0 while the others stay as they are, not rescaled, and the supernet is
    scored on all validation images with batch statistics.

    Attributes:
        measure: what tells how good a supernet is.
    """

    measure: Measure = "accuracy"

    def __call__(self, state: "SearchState", kind: str, row: int) -> str:
        """See the class."""
        cell = state.architecture.cells[kind]
        columns = cell.selectable_columns[row]
        if len(columns) == 1:
            return cell.ops[columns[0]]
        values = [self.value_without(state, kind, row, [column]) for column in columns]
        return cell.ops[columns[values.index(min(values))]]

    @torch.no_grad()
    def value_without(self, state: "SearchState", kind: str, row: int, columns: Sequence[int]) -> float:
        """How good the supernet is without these operations of an edge: the larger, the better.

        Raises:
            SettingsError: there are no validation images.
        """
        gates = state.architecture.mean_gates(state.alphas)
        gates[kind] = gates[kind].clone()
        gates[kind][row, list(columns)] = 0.0
        score = state.score_mixture(gates)
        if score is None:
            raise SettingsError(
                "this method tries on validation images what the supernet is without an operation, and there are none; "
                "leave search.validation_images as it is, or give the dataset more images."
            )
        return score.accuracy if self.measure == "accuracy" else -score.loss


@dataclass(frozen=True)
class DecideByRemoval(Rule):
    """Make a trained supernet discrete edge by edge, while it learns on (DARTS-PT, arXiv:2108.04392, section 4).

    In a round every kind of cells has one random edge decided by `operation`. Once all are, and where the space drops
    edges, a round looks at a random node of every kind: the edges whose removal leaves the supernet best are given up
    until the node has as many as the space keeps; they are scored once, and among equals the lower one goes first.
    Rounds come before epochs: the first before the first epoch of the stage, the last before the last, the others
    spread between. That is every fifth epoch of 81 with 17 rounds; a shorter stage has several rounds before an epoch.

    Attributes:
        operation: chooses the operation of an edge, and measures supernets without an edge.
    """

    operation: ByRemoval = ByRemoval()

    def before_epoch(self, state: "SearchState") -> None:
        """Hold the rounds that are due."""
        done, rounds, generator = state.records.get("rounds", 0), num_rounds(state), state.generator("decisions")
        while done < rounds and due_epoch(done, rounds, 0, state.stage_epochs - 1) <= state.stage_epoch:
            for kind, cell in state.architecture.cells.items():
                self._decide(state, kind, cell, generator)
            done += 1
        state.records["rounds"] = done

    def _decide(self, state: "SearchState", kind: str, cell: RelaxedCell, generator: torch.Generator) -> None:
        rows = [row for row in range(len(cell.topology.edges)) if row not in state.decisions.get(kind, {})]
        nodes = [node for node in cell.topology.nodes if surplus(state, kind, node)]
        if rows:
            row = rows[int(torch.randint(len(rows), (), generator=generator))]
            state.decide(kind, row, self.operation(state, kind, row) if cell.selectable_columns[row] else None)
        elif nodes:
            self._thin_out(state, kind, cell, nodes[int(torch.randint(len(nodes), (), generator=generator))])

    def _thin_out(self, state: "SearchState", kind: str, cell: RelaxedCell, node: int) -> None:
        left = {
            row: self.operation.value_without(state, kind, row, range(len(cell.ops)))
            for row in kept_rows(state, kind, node)
        }
        for row in sorted(left, key=lambda row: (-left[row], row))[: surplus(state, kind, node)]:
            state.decide(kind, row, None)


def num_rounds(state: "SearchState") -> int:
    """Rounds of `DecideByRemoval`: one for every edge, and one for every node that has more edges than are kept."""
    topology = next(iter(state.architecture.cells.values())).topology
    kept = topology.edges_per_node
    crowded = [node for node in topology.nodes if kept is not None and len(topology.incoming(node)) > kept]
    return len(topology.edges) + len(crowded)
