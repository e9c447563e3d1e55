"""What the loss is expected to gain without an operation, by its derivatives, beside what it gains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import Chart, Probes, Seen, Watch, mean_step, watch
from dartboard.errors import SettingsError
from dartboard.parts.architecture import StepGates
from dartboard.parts.gradient import SecondDerivatives, Tensors
from dartboard.parts.recipe import Recipe
from dartboard.runs import SearchEpoch
from dartboard.space import SearchSpace

__all__ = ["Entry", "RemovalPrediction", "half_products", "predicted_gains", "tau", "watched_removal"]

Loss = Callable[[Tensors], Tensor]


class Entry(NamedTuple):
    """The gate of one operation on one edge."""

    kind: str
    row: int
    column: int


def predicted_gains(loss: Loss, gates: Tensors, entries: Sequence[Entry]) -> list[float]:
    """What a loss gains to second order when single gates become 0 and the others stay as they are.

    With p the gate, -p dL/dp + p^2 d^2L/dp^2 / 2 (Wang et al., arXiv:2108.04392). One product with the Hessian each.

    Args:
        loss: gates by name -> the loss, a scalar.
        gates: by name, those of a kind of cells of shape (edges, operations).
        entries: the gates that become 0.
    """
    leaves = {name: gate.detach().clone().requires_grad_() for name, gate in gates.items()}
    with torch.enable_grad():
        second = SecondDerivatives(loss(leaves), leaves)
        gradient, gains = second.gradient.detach(), []
        for entry in entries:
            place, gate = _place(leaves, entry), float(leaves[entry.kind].detach()[entry.row, entry.column])
            unit = torch.zeros_like(gradient)
            unit[place] = 1.0
            gains.append(-gate * float(gradient[place]) + gate**2 / 2 * float(second.times(unit)[place]))
    return gains


def half_products(loss: Loss, alphas: Tensors, rows: Sequence[tuple[str, int]]) -> tuple[list[float], float]:
    """The products a H a / 2 for the alphas a of single edges, and for all alphas; H is the Hessian of a loss in them.

    Args:
        loss: alphas by name -> the loss, a scalar.
        alphas: by name, (edges, operations) where edges are asked for.
        rows: kind of cells and row of every edge.
    """
    leaves = {name: alpha.detach().clone().requires_grad_() for name, alpha in alphas.items()}
    with torch.enable_grad():
        second = SecondDerivatives(loss(leaves), leaves)

        def half(vector: Tensor) -> float:
            return float(vector @ second.times(vector)) / 2

        whole = torch.cat([leaf.detach().flatten() for leaf in leaves.values()])
        found = []
        for kind, row in rows:
            first, width = _place(leaves, Entry(kind, row, 0)), leaves[kind].shape[1]
            vector = torch.zeros_like(whole)
            vector[first : first + width] = whole[first : first + width]
            found.append(half(vector))
        return found, half(whole)


def _place(tensors: Tensors, entry: Entry) -> int:
    """Where an entry is in all entries of some tensors, one tensor after the other."""
    names = list(tensors)
    before = sum(tensors[name].numel() for name in names[: names.index(entry.kind)])
    return before + entry.row * tensors[entry.kind].shape[1] + entry.column


def tau(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Kendall's tau-b; None where all values of one side are equal."""
    from scipy.stats import kendalltau  # slow to import, and few searches are watched

    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return float(kendalltau(one, other).statistic)


@dataclass(frozen=True)
class RemovalPrediction(Watch):
    """Predicts from first and second derivatives what the loss gains without each operation, and measures it.

    The gates of the others stay as they are. If gates told how strong operations are, they would order them as the loss
    without them does; that the loss is a quadratic function of the gates nearby is what perturbation does without.

    Paper: Wang et al., arXiv:2108.04392, equations 2 and 3.
    """

    title = "Loss without an operation"
    charts = (
        Chart(
            "How far two measures of the strength of operations agree, as Kendall's tau-b on an edge, mean over edges: "
            "the gate, the gain in the loss without the operation, and its prediction to second order.",
            "tau-b",
            {"tau *": "*"},
        ),
        Chart(
            "alpha H alpha / 2 over all alphas, H being the Hessian of the loss in alpha: what is expected to be lost "
            "with the relaxation.",
            "loss (nats)",
            {"half alpha H alpha": "alpha H alpha / 2"},
        ),
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse methods whose gates have no derivatives in alpha.

        Raises:
            SettingsError: the method is one of these.
        """
        if not all(stage.recipe.relaxation.has_slopes for stage in recipe.stages):
            raise SettingsError(
                "the gates of this method have no derivatives in alpha, so the watch 'removal-prediction' has nothing "
                "to measure; leave it out, or search by another method."
            )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """A pass and a product with the Hessian for every operation of every edge."""
        step, (batch,), state = mean_step(search), probes.validation(), search.state
        edges = _open_edges(search, step)
        if not edges:
            return None

        def at_gates(gates: Tensors) -> Tensor:
            logits = state.supernet(batch.images, {**step.gates, **gates}, step.active)
            return functional.cross_entropy(logits, batch.labels)

        def at_alphas(alphas: Tensors) -> Tensor:
            return at_gates(state.architecture.mean_gates(alphas))

        gates = {kind: step.gates[kind] for kind in state.architecture.cells}
        entries = [Entry(kind, row, column) for (kind, row), columns in edges.items() for column in columns]
        predicted = dict(zip(entries, predicted_gains(at_gates, gates, entries), strict=True))
        with torch.no_grad():
            whole = float(at_gates(gates))
            measured = {entry: float(at_gates(_without(gates, entry))) - whole for entry in entries}
        halves, total = half_products(at_alphas, state.alphas, list(edges))
        parts = [
            _row(search, edge, half, columns, gates, predicted, measured)
            for (edge, columns), half in zip(edges.items(), halves, strict=True)
        ]
        names = ("prediction and loss", "gate and loss", "prediction and gate")
        figures = {f"tau {name}": _mean([part[f"tau {name}"] for part in parts]) for name in names}
        return Seen({**figures, "half alpha H alpha": total}, parts)


def _open_edges(search: StageSearch, step: StepGates) -> dict[tuple[str, int], tuple[int, ...]]:
    """Kind of cells and row -> columns of the operations, for every edge that has two or more."""
    found = dict[tuple[str, int], tuple[int, ...]]()
    for kind, cell in search.state.architecture.cells.items():
        every = cell.live_columns if step.active is None else step.active[kind]
        found |= {(kind, row): tuple(columns) for row, columns in enumerate(every) if len(columns) > 1}
    return found


def _without(gates: Tensors, entry: Entry) -> dict[str, Tensor]:
    """The gates, one of them 0."""
    less = gates[entry.kind].clone()
    less[entry.row, entry.column] = 0.0
    return {**gates, entry.kind: less}


def _row(
    search: StageSearch,
    edge: tuple[str, int],
    half: float,
    columns: Sequence[int],
    gates: Tensors,
    predicted: Mapping[Entry, float],
    measured: Mapping[Entry, float],
) -> dict[str, Any]:
    """What is recorded of an edge."""
    kind, row = edge
    cell = search.state.architecture.cells[kind]
    entries, place = [Entry(kind, row, column) for column in columns], cell.topology.edges[row]
    own = [float(gates[kind][row, column]) for column in columns]
    told, gained = [predicted[entry] for entry in entries], [measured[entry] for entry in entries]
    names = [cell.ops[column] for column in columns]
    return {
        "kind": kind,
        "source": place.source,
        "target": place.target,
        "half alpha H alpha": half,
        "tau prediction and loss": tau(told, gained),
        "tau gate and loss": tau(own, gained),
        "tau prediction and gate": tau(told, own),
        "gate": dict(zip(names, own, strict=True)),
        "predicted gain": dict(zip(names, told, strict=True)),
        "gain": dict(zip(names, gained, strict=True)),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return fmean(told) if told else None


@watch("removal-prediction", paper="arXiv:2108.04392")
def watched_removal() -> RemovalPrediction:
    """What the loss gains without each operation, predicted from its derivatives and measured."""
    return RemovalPrediction()
