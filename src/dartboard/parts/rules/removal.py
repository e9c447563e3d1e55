"""A rule that decides edges one after the other, by the loss of quality when the supernet loses an operation."""

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
"""The measure of a supernet's quality on validation images."""


class Scorable(NamedTuple):
    """What is needed to score gates in the supernet of a search.

    Attributes:
        architecture: turns alphas into gates, with the edges decided so far.
        alphas: by name.
        score: scores any gates on the validation images, with the current weights.
    """

    architecture: Architecture
    alphas: Tensors
    score: Scorer

    @classmethod
    def of(cls, search: SearchView, plan: EpochPlan) -> "Scorable":
        """Made from a search, with the decisions, temperature and auxiliary gate of a plan."""
        at = search.architecture.at(plan.temperature, plan.auxiliary_gate, plan.decisions)
        return cls(at, search.alphas, search.score)


class OperationChoice(Protocol):
    """Chooses the operation that a decided edge keeps."""

    def __call__(self, given: Scorable, kind: str, row: int) -> str:
        """The name of one of the edge's `selectable_columns`.

        Args:
            given: the architecture, its alphas and a scorer.
            kind: kind of the cells.
            row: row of the edge.
        """
        ...


@dataclass(frozen=True)
class ByRemoval:
    """The operation without which the supernet does worst; among equals the first (DARTS-PT, arXiv:2108.04392).

    The gate of one operation at a time is set to 0; the other gates stay as they are and are not rescaled. The supernet
    is then scored on all validation images with batch statistics.

    Attributes:
        measure: the measure of the supernet's quality.
    """

    measure: Measure = "accuracy"

    def __call__(self, given: Scorable, kind: str, row: int) -> str:
        """The name of the operation; an edge with a single operation keeps it without a trial."""
        cell = given.architecture.cells[kind]
        columns = cell.selectable_columns[row]
        if len(columns) == 1:
            return cell.ops[columns[0]]
        values = [self.value_without(given, kind, row, [column]) for column in columns]
        return cell.ops[columns[values.index(min(values))]]

    @torch.no_grad()
    def value_without(self, given: Scorable, kind: str, row: int, columns: Sequence[int]) -> float:
        """The quality of the supernet without these operations of an edge: larger is better.

        It is the accuracy as a fraction, or minus the loss, by `measure`.

        Raises:
            SettingsError: there are no validation images.
        """
        gates = given.architecture.mean_gates(given.alphas)
        gates[kind] = gates[kind].clone()
        for column in columns:  # indexing by a list would first copy it to the device
            gates[kind][row, column] = 0.0
        score = given.score(StepGates(gates, given.architecture.active))
        if score is None:
            raise SettingsError(
                "this method scores the supernet without an operation on validation images, and there are none; "
                "leave search.validation_images as it is, or give the dataset more images."
            )
        return score.accuracy if self.measure == "accuracy" else -score.loss


@dataclass(frozen=True)
class DecideByRemoval(Rule):
    """Make a trained supernet discrete edge by edge, while it learns on (DARTS-PT, arXiv:2108.04392, section 4).

    In each round `operation` decides one random edge of every kind of cells. If the space drops edges, further rounds
    follow when all edges are decided: each picks a random node of every kind, and gives up edges of that node until as
    many are left as the space keeps. The edges given up are those without which the supernet scores best. They are
    scored once; among equals the lower row goes first.

    Rounds come before epochs: the first before the first epoch of the stage, the last before the last epoch, the others
    evenly between. With 17 rounds and 81 epochs there is one round every fifth epoch. A stage with fewer epochs than
    rounds has several rounds before an epoch.

    Attributes:
        operation: chooses the operation of an edge, and scores supernets without an edge.
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
    """Number of rounds of `DecideByRemoval`: one for every edge, and one for every node that must lose edges."""
    topology = next(iter(architecture.cells.values())).topology
    kept = topology.edges_per_node
    crowded = [node for node in topology.nodes if kept is not None and len(topology.incoming(node)) > kept]
    return len(topology.edges) + len(crowded)


def due_epoch(number: int, count: int, first: Fraction | int, last: Fraction | int) -> int:
    """The epoch of decision `number` of `count`: they are spread evenly from `first` to `last`, and rounded up.

    >>> [due_epoch(number, 6, 0, 24) for number in range(6)]
    [0, 5, 10, 15, 20, 24]
    """
    return ceil(first + (last - first) * Fraction(number, max(1, count - 1)))


def surplus(plan: EpochPlan, cell: RelaxedCell, node: int) -> int:
    """How many more edges a node has than the space keeps; edges that are given up do not count."""
    kept = cell.topology.edges_per_node
    return 0 if kept is None else max(0, len(_kept_rows(plan, cell, node)) - kept)


def _kept_rows(plan: EpochPlan, cell: RelaxedCell, node: int) -> list[int]:
    """Rows of the edges into a node that are not given up."""
    given_up = {row for row, op in plan.decisions.get(cell.kind, {}).items() if op is None}
    return [row for row in cell.topology.incoming(node) if row not in given_up]
