"""What tells which operation a decided edge keeps: what a trained supernet is without each, image by image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.gradient import Tensors
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules.protocol import EpochPlan, SearchView
from dartboard.parts.trials import Comparison, Measure, Trying, compare
from dartboard.runs import Candidate

__all__ = ["ByRemoval", "OperationChoice", "Scorable", "Verdict", "edge_name", "without_operation"]


class Scorable(NamedTuple):
    """What is needed to try gates in the supernet of a search.

    Attributes:
        architecture: turns alphas into gates, with the edges decided so far.
        alphas: by name.
        trials: tries any gates on the images of decisions, with the current weights.
    """

    architecture: Architecture
    alphas: Tensors
    trials: Trying

    @classmethod
    def of(cls, search: SearchView, plan: EpochPlan) -> "Scorable":
        """Made from a search, with the decisions, temperature and auxiliary gate of a plan."""
        at = search.architecture.at(plan.temperature, plan.auxiliary_gate, plan.decisions)
        return cls(at, search.alphas, search.trials)


@dataclass(frozen=True)
class Verdict:
    """What was chosen, and what it was chosen by.

    Attributes:
        chosen: operations that the edge keeps, or rows of the edges that the node gives up, the first to go first.
        facts: the record of the choice, fields of `DecisionMade`.
    """

    chosen: tuple[Any, ...]
    facts: dict[str, Any] = field(default_factory=dict)


class OperationChoice(Protocol):
    """Chooses the operation that a decided edge keeps."""

    def __call__(self, given: Scorable, kind: str, row: int) -> Verdict:
        """One of the edge's `selectable_columns`, by name.

        Args:
            given: the architecture, its alphas and what tries the supernet.
            kind: kind of the cells.
            row: row of the edge.
        """
        ...

    def count_trials(self, cell: RelaxedCell, row: int) -> int:
        """How often the supernet is tried to choose the operation of an edge."""
        ...


@dataclass(frozen=True)
class ByRemoval:
    """The operation without which the supernet does worst, and the edges without which it does best (DARTS-PT).

    The gate of one operation at a time is set to 0; the other gates stay as they are and are not rescaled. An edge is
    taken out with all that it brings to its node: operations, bypassing channels, auxiliary skip connection. The
    supernet is tried on the images of decisions with batch statistics. Equal accuracies are told apart by the loss,
    equal losses by the accuracy, and then the first goes first.

    Paper: arXiv:2108.04392, section 4.

    Attributes:
        measure: the measure of the supernet's quality.
    """

    measure: Measure = "accuracy"

    def __call__(self, given: Scorable, kind: str, row: int) -> Verdict:
        """The operation; an edge with a single operation keeps it without a trial."""
        cell, gates = given.architecture.cells[kind], _gates(given)
        columns, own = cell.selectable_columns[row], gates[kind][row].tolist()
        largest = max(columns, key=lambda column: own[column])
        facts: dict[str, Any] = {"by": "perturbation", "measure": self.measure, "by_gate": cell.ops[largest]}
        if len(columns) == 1:
            only = cell.ops[columns[0]]
            candidate = Candidate(name=only, gate=own[columns[0]])
            return Verdict((only,), facts | {"candidates": (candidate,), "chosen": only, "runner_up": None})
        without = [without_operation(gates, kind, row, column) for column in columns]
        found = self._compare(given, gates, without, "worst", 1)
        names = [(cell.ops[column], own[column]) for column in columns]
        return Verdict((names[found.order[0]][0],), facts | _facts(given, found, names))

    def edges(self, given: Scorable, kind: str, rows: Sequence[int], surplus: int) -> Verdict:
        """The edges that a node gives up.

        Args:
            given: the architecture, its alphas and what tries the supernet.
            kind: kind of the cells.
            rows: the edges that the node still has.
            surplus: how many of them it gives up, fewer than it has.
        """
        cell, gates = given.architecture.cells[kind], _gates(given)
        weights = gates.get(f"{kind}.edges")
        without = [given.architecture.without_edges(gates, kind, [row]) for row in rows]
        found = self._compare(given, gates, without, "best", surplus)
        names = [(edge_name(cell, row), None if weights is None else float(weights[row])) for row in rows]
        given_up = found.order[:surplus]
        told = {"given_up": tuple(names[each][0] for each in given_up), "measure": self.measure, "by_gate": None}
        return Verdict(
            tuple(rows[each] for each in given_up),
            {"by": "perturbation", **told, **_facts(given, found, names)},
        )

    def count_trials(self, cell: RelaxedCell, row: int) -> int:
        """One for every operation that the edge may keep, where there are several."""
        count = len(cell.selectable_columns[row])
        return count if count > 1 else 0

    def _compare(
        self, given: Scorable, gates: Tensors, without: Sequence[Tensors], wants: Any, border: int
    ) -> Comparison:
        active = given.architecture.active
        tried = [StepGates(dict(each), active) for each in without]
        untouched = StepGates(dict(gates), active)
        return compare(given.trials, untouched, tried, wants=wants, measure=self.measure, border=border)


def edge_name(cell: RelaxedCell, row: int) -> str:
    """The nodes of an edge, such as 0-4."""
    edge = cell.topology.edges[row]
    return f"{edge.source}-{edge.target}"


@torch.no_grad()
def _gates(given: Scorable) -> dict[str, Tensor]:
    return given.architecture.mean_gates(given.alphas)


def without_operation(gates: Tensors, kind: str, row: int, column: int) -> dict[str, Tensor]:
    """The gates, with that of one operation set to 0."""
    own = gates[kind].clone()
    own[row, column] = 0.0
    return {**gates, kind: own}


def _facts(given: Scorable, found: Comparison, names: Sequence[tuple[str, float | None]]) -> dict[str, Any]:
    """The record of a comparison of candidates, each with its name and gate."""
    chosen, runner_up = found.pair
    images = given.trials.images
    return {
        "candidates": tuple(
            Candidate(name=name, gate=gate, accuracy=trial.accuracy, loss=_finite(trial.loss), images=trial.images)
            for (name, gate), trial in zip(names, found.trials, strict=True)
        ),
        "chosen": names[chosen][0],
        "runner_up": names[runner_up][0],
        "images": found.trials[chosen].images,
        "images_by": images.by,
        "coarse": images.coarse,
        "supernet_accuracy": found.untouched.accuracy,
        "supernet_loss": _finite(found.untouched.loss),
        "contrast": found.contrast,
        "tie": found.tie,
    }


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
