"""Edges decided one after the other, by what a trained supernet loses when something is taken out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple, Protocol

import torch
from typing_extensions import override

from dartboard.errors import SettingsError
from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.protocol import EpochPlan, Rule, SearchView
from dartboard.parts.scoring import Scorer

__all__ = ["ByRemoval", "DecideByRemoval", "Measure", "OperationChoice", "Scorable", "due_epoch", "surplus"]

Measure = Literal["accuracy", "loss"]
"""What tells how good a supernet is on validation images."""


class Scorable(NamedTuple):
    """A search in whose supernet gates can be scored, with the edges that are decided so far.

    Attributes:
        architecture: turns alphas into gates, with the edges decided so far.
        alphas: by name.
        score: says what any gates are worth with the weights as they are.
    """

    architecture: Architecture
    alphas: Tensors
    score: Scorer

    @classmethod
    def of(cls, search: SearchView, plan: EpochPlan) -> "Scorable":
        """A search with the decisions of a plan."""
        at = search.architecture.at(plan.temperature, plan.auxiliary_gate, plan.decisions)
        return cls(at, search.alphas, search.score)


class OperationChoice(Protocol):
    """Chooses the operation that a decided edge keeps."""

    def __call__(self, given: Scorable, kind: str, row: int) -> str:
        """The name of one of the edge's `selectable_columns`.

        Args:
            given: what is known.
            kind: of the cells.
            row: of the edge.
        """
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

    def __call__(self, given: Scorable, kind: str, row: int) -> str:
        """The name of the operation; an edge that has but one is not tried."""
        cell = given.architecture.cells[kind]
        columns = cell.selectable_columns[row]
        if len(columns) == 1:
            return cell.ops[columns[0]]
        values = [self.value_without(given, kind, row, [column]) for column in columns]
        return cell.ops[columns[values.index(min(values))]]

    @torch.no_grad()
    def value_without(self, given: Scorable, kind: str, row: int, columns: Sequence[int]) -> float:
        """How good the supernet is without these operations of an edge: the larger, the better.

        Raises:
            SettingsError: there are no validation images.
        """
        gates = given.architecture.mean_gates(given.alphas)
        gates[kind] = gates[kind].clone()
        for column in columns:  # a list of them would be copied to the device first
            gates[kind][row, column] = 0.0
        score = given.score(StepGates(gates, given.architecture.active))
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

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        rounds, generator = num_rounds(search.architecture), search.generator("decisions")
        for number in range(rounds):
            if due_epoch(number, rounds, 0, search.stage_epochs - 1) != search.stage_epoch:
                continue
            for cell in search.architecture.cells.values():
                plan = self._decide(search, plan, cell, generator)
        return plan

    def _decide(self, search: SearchView, plan: EpochPlan, cell: RelaxedCell, generator: torch.Generator) -> EpochPlan:
        kind = cell.kind
        rows = [row for row in range(len(cell.topology.edges)) if row not in plan.decisions.get(kind, {})]
        nodes = [node for node in cell.topology.nodes if surplus(plan, cell, node)]
        if rows:
            row = rows[int(torch.randint(len(rows), (), generator=generator))]
            if not cell.selectable_columns[row]:
                return plan.decided(kind, row, None)
            return plan.decided(kind, row, self.operation(Scorable.of(search, plan), kind, row))
        if nodes:
            return self._thin_out(search, plan, cell, nodes[int(torch.randint(len(nodes), (), generator=generator))])
        return plan

    def _thin_out(self, search: SearchView, plan: EpochPlan, cell: RelaxedCell, node: int) -> EpochPlan:
        given, every = Scorable.of(search, plan), range(len(cell.ops))
        left = {row: self.operation.value_without(given, cell.kind, row, every) for row in _kept_rows(plan, cell, node)}
        for row in sorted(left, key=lambda row: (-left[row], row))[: surplus(plan, cell, node)]:
            plan = plan.decided(cell.kind, row, None)
        return plan


def num_rounds(architecture: Architecture) -> int:
    """Rounds of `DecideByRemoval`: one for every edge, and one for every node that has more edges than are kept."""
    topology = next(iter(architecture.cells.values())).topology
    kept = topology.edges_per_node
    crowded = [node for node in topology.nodes if kept is not None and len(topology.incoming(node)) > kept]
    return len(topology.edges) + len(crowded)


def due_epoch(number: int, count: int, first: Fraction | int, last: Fraction | int) -> int:
    """When the decision `number` of `count` is due, the first and the last being given and the others spread evenly.

    >>> [due_epoch(number, 6, 0, 24) for number in range(6)]
    [0, 5, 10, 15, 20, 24]
    """
    return ceil(first + (last - first) * Fraction(number, max(1, count - 1)))


def surplus(plan: EpochPlan, cell: RelaxedCell, node: int) -> int:
    """How many edges into a node are more than the space keeps, those not counted that are given up."""
    kept = cell.topology.edges_per_node
    return 0 if kept is None else max(0, len(_kept_rows(plan, cell, node)) - kept)


def _kept_rows(plan: EpochPlan, cell: RelaxedCell, node: int) -> list[int]:
    """Rows of the edges into a node that are not given up."""
    given_up = {row for row, op in plan.decisions.get(cell.kind, {}).items() if op is None}
    return [row for row in cell.topology.incoming(node) if row not in given_up]
