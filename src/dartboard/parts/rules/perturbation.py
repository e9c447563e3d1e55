"""A rule that makes a trained supernet discrete, edge by edge, while it learns on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import Any

import torch
from typing_extensions import override

from dartboard.parts.architecture import Architecture
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.protocol import EpochPlan, MovableSearch, Outcome, Rule, SearchView
from dartboard.parts.rules.removal import ByRemoval, Scorable, Verdict
from dartboard.runs import DecisionMade
from dartboard.wording import count

__all__ = ["DecideByRemoval", "due_epoch", "surplus", "told_decision"]

_FEW_STEPS = 50
"""With fewer weight steps between two decisions the supernet hardly settles; the user is told."""


@dataclass(frozen=True)
class DecideByRemoval(Rule):
    """Make a trained supernet discrete edge by edge, while it learns on (DARTS-PT, arXiv:2108.04392, section 4).

    In each round `operation` decides one random edge of every kind of cells. If the space drops edges, further rounds
    follow when all edges are decided: each picks a random node of every kind, and gives up edges of that node until as
    many are left as the space keeps. The edges given up are those without which the supernet does best. They are tried
    once.

    In a stage of at least as many epochs as rounds, rounds come before epochs: the first before the first epoch, the
    last before the last epoch, the others evenly between. With 17 rounds and 81 epochs there is one round every fifth
    epoch. In a shorter stage they come every floor(steps / (rounds - 1)) weight steps of the stage, within epochs where
    need be, and the stage has as many steps as it takes, so that the supernet learns between any two rounds.

    Attributes:
        operation: chooses the operation of an edge, and the edges of a node.
    """

    operation: ByRemoval = field(default_factory=ByRemoval)

    @override
    def count_trials(self, architecture: Architecture) -> int:
        """One for every operation of every edge, and one for every edge into a node that must lose edges."""
        operations = sum(
            self.operation.count_trials(cell, row)
            for cell in architecture.cells.values()
            for row in range(len(cell.live))
        )
        edges = sum(
            len(cell.topology.incoming(node)) for cell in architecture.cells.values() for node in _crowded(cell)
        )
        return operations + edges

    @override
    def count_decisions(self, architecture: Architecture) -> int:
        """One for every edge with several operations, and one for every node that must lose edges."""
        return sum(
            sum(self.operation.count_trials(cell, row) > 0 for row in range(len(cell.live))) + len(_crowded(cell))
            for cell in architecture.cells.values()
        )

    @override
    def least_steps(self, search: SearchView) -> int:
        rounds, epochs = num_rounds(search.architecture), search.stage_epochs
        if epochs >= rounds:
            return 0
        # One round can be held at once, and each of the others after a further step.
        left = rounds - 1 - self._held(search, search.plan)
        return ceil(left / max(1, epochs - search.stage_epoch))

    @override
    def advice(self, search: SearchView) -> Sequence[str]:
        told = []
        between = self._spacing(search)
        if between < _FEW_STEPS:
            told.append(
                f"The supernet learns for {count(between, 'step')} between two decisions, and fewer than {_FEW_STEPS} "
                "hardly let it settle; search for longer where there is time."
            )
        return told

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return self._act(search, plan, 0)

    @override
    def before_step(self, search: SearchView, plan: EpochPlan, step: int) -> EpochPlan:
        return plan if search.stage_epochs >= num_rounds(search.architecture) else self._act(search, plan, step)

    @override
    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:
        """The last round, where it comes after the last step of the stage."""
        if search.stage_epochs >= num_rounds(search.architecture) or search.stage_epoch + 1 < search.stage_epochs:
            return None
        plan = self._act(search, search.plan, steps)
        return None if plan is search.plan else Outcome(plan=plan)

    def _act(self, search: SearchView, plan: EpochPlan, step: int) -> EpochPlan:
        """Hold a round if one is due; never two, so that the weights take a step between any two."""
        held = self._held(search, plan)
        if held >= self._due(search, step):
            return plan
        generator = search.generator(f"decisions-{held}")
        for cell in search.architecture.cells.values():
            plan = self._decide(search, plan, cell, generator, (held + 1, step))
        return plan

    def _due(self, search: SearchView, step: int) -> int:
        """How many rounds should be held before a weight step of the epoch at hand."""
        rounds, epochs = num_rounds(search.architecture), search.stage_epochs
        if epochs >= rounds:
            return sum(due_epoch(number, rounds, 0, epochs - 1) <= search.stage_epoch for number in range(rounds))
        taken = search.stage_epoch * search.steps + step
        left = epochs * search.steps - taken
        return min(rounds, max(1 + taken // self._spacing(search), rounds - left))

    def _spacing(self, search: SearchView) -> int:
        """Weight steps from one round to the next."""
        rounds, epochs = num_rounds(search.architecture), search.stage_epochs
        between = max(1, rounds - 1)
        if epochs >= rounds:
            return (epochs - 1) // between * search.steps
        return max(1, epochs * search.steps // between)

    def _held(self, search: SearchView, plan: EpochPlan) -> int:
        """How many rounds have been held, by what is decided."""
        return min(_rounds_held(plan, cell) for cell in search.architecture.cells.values())

    def _decide(
        self, search: SearchView, plan: EpochPlan, cell: RelaxedCell, generator: torch.Generator, at: tuple[int, int]
    ) -> EpochPlan:
        kind, started = cell.kind, time.perf_counter()
        rows = [row for row in range(len(cell.topology.edges)) if row not in plan.decisions.get(kind, {})]
        nodes = [node for node in cell.topology.nodes if surplus(plan, cell, node)]
        if rows:
            row = rows[int(torch.randint(len(rows), (), generator=generator))]
            if not cell.selectable_columns[row]:
                return plan.decided(kind, row, None)
            verdict = self.operation(Scorable.of(search, plan), kind, row)
            told_decision(search, verdict, cell, at, started, row=row)
            return plan.decided(kind, row, verdict.chosen[0])
        if nodes:
            node = nodes[int(torch.randint(len(nodes), (), generator=generator))]
            kept = _kept_rows(plan, cell, node)
            verdict = self.operation.edges(Scorable.of(search, plan), kind, kept, surplus(plan, cell, node))
            told_decision(search, verdict, cell, at, started, node=node)
            for row in verdict.chosen:
                plan = plan.decided(kind, row, None)
        return plan


def told_decision(
    search: SearchView,
    verdict: Verdict,
    cell: RelaxedCell,
    at: tuple[int, int],
    started: float,
    *,
    row: int | None = None,
    node: int = 0,
    after_epoch: bool = False,
    **further: Any,
) -> None:
    """Record a decision in the run.

    Args:
        search: the search.
        verdict: what was chosen.
        cell: the cells.
        at: number of the round, and weight steps taken in the epoch.
        started: when the decision began, by `time.perf_counter`.
        row: the edge that is decided; None for edges into a node.
        node: the node that loses edges.
        after_epoch: whether the epoch at hand has been counted as done already.
        further: further fields of the event.
    """
    edge = None if row is None else cell.topology.edges[row]
    search.tell(
        DecisionMade(
            about="edges" if edge is None else "operation",
            round=at[0],
            epoch=search.epoch if after_epoch else search.epoch + 1,
            step=at[1],
            kind=cell.kind,
            source=None if edge is None else edge.source,
            target=node if edge is None else edge.target,
            seconds=time.perf_counter() - started,
            **verdict.facts,
            **further,
        )
    )


def num_rounds(architecture: Architecture) -> int:
    """Number of rounds of `DecideByRemoval`: one for every edge, and one for every node that must lose edges."""
    cell = next(iter(architecture.cells.values()))
    return len(cell.topology.edges) + len(_crowded(cell))


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


def _crowded(cell: RelaxedCell) -> list[int]:
    """Nodes with more edges than the space keeps."""
    topology, kept = cell.topology, cell.topology.edges_per_node
    return [node for node in topology.nodes if kept is not None and len(topology.incoming(node)) > kept]


def _rounds_held(plan: EpochPlan, cell: RelaxedCell) -> int:
    decided, edges = len(plan.decisions.get(cell.kind, {})), len(cell.topology.edges)
    if decided < edges:
        return decided
    return edges + sum(not surplus(plan, cell, node) for node in _crowded(cell))


def _kept_rows(plan: EpochPlan, cell: RelaxedCell, node: int) -> list[int]:
    """Rows of the edges into a node that are not given up."""
    given_up = {row for row, op in plan.decisions.get(cell.kind, {}).items() if op is None}
    return [row for row in cell.topology.incoming(node) if row not in given_up]
