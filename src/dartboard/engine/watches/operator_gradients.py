"""What the loss of alpha asks of every operation of every cell, and how large the gradients of alpha are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import Chart, Probes, Seen, Watch, mean_step, watch
from dartboard.errors import SettingsError
from dartboard.parts.recipe import Count, Recipe
from dartboard.runs import SearchEpoch, make_generator
from dartboard.space import SearchSpace
from dartboard.space.ops import has_weights
from dartboard.supernet import ReferenceSupernet, by_place

__all__ = [
    "HypergradientSize",
    "OperatorGradients",
    "gradients_by_place",
    "margin",
    "watched_hypergradient",
    "watched_operators",
]

Cells = Literal["last", "all"]


def gradients_by_place(search: StageSearch, probes: Probes) -> dict[str, Tensor]:
    """The gradient of the mean loss on a batch of alpha at the gates of every cell: kind -> (cells, edges, operations).

    All cells of a kind share their gates, but here each has a copy of its own; the sum over the cells is the gradient
    at the shared gates (arXiv:2108.08128, figure 3).
    """
    supernet = search.supernet
    assert isinstance(supernet, ReferenceSupernet)
    gates, active = mean_step(search)
    (batch,) = probes.validation()
    kinds = supernet.spec.space.cell_kinds
    placed = by_place(gates, supernet.spec.cell_counts)
    leaves = {kind: placed[kind].clone().requires_grad_() for kind in kinds if len(placed[kind])}
    with torch.enable_grad():
        logits = supernet(batch.images, {**placed, **leaves}, active)
        loss = functional.cross_entropy(logits, batch.labels)
        found = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, (each.cpu() for each in found), strict=True))


def margin(gradients: Mapping[str, float]) -> float | None:
    """Mean gradient of the operations with weights, less that of those without; None where an edge has but one sort.

    A step goes down the gradient, so a negative margin favours the operations with weights.
    """
    sorts: dict[bool, list[float]] = {True: [], False: []}
    for op, value in gradients.items():
        sorts[has_weights(op)].append(value)
    return fmean(sorts[True]) - fmean(sorts[False]) if all(sorts.values()) else None


@dataclass(frozen=True)
class OperatorGradients(Watch):
    """Takes the gradient of the loss of alpha at the gates of every cell apart.

    Before a search collapses, the gradients of operations with weights are larger than those of the others in the last
    cells, so that alpha turns away from them.

    Paper: Single-DARTS, arXiv:2108.08128, figure 3.

    Attributes:
        cells: whose edges are recorded one by one: the last cell of every kind, or all.
    """

    cells: Cells = "last"

    title = "Gradients at the operations"
    charts = (
        Chart(
            "Gradient of the loss of alpha at the gates, operations with weights less those without, mean over the "
            "edges of each cell. Below zero, a step of alpha favours operations with weights; above zero, the others.",
            "margin",
            {"margin *": "*"},
        ),
        Chart(
            "Gradient of the loss of alpha at the gate of each operation, mean over the edges of the last cell.",
            "gradient",
            {"gradient *": "*"},
        ),
    )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """One pass forward and backward."""
        supernet = search.supernet
        assert isinstance(supernet, ReferenceSupernet)
        found = gradients_by_place(search, probes)
        cells = [cell for _, cell in supernet.cells()]
        last = {cell.kind: number for number, cell in enumerate(cells)}
        figures: dict[str, float | None] = {}
        parts: list[dict[str, Any]] = []
        for number, cell in enumerate(cells):
            edges = self._of_edges(search, cell.kind, found[cell.kind][cell.number])
            margins = [each for each in map(margin, edges) if each is not None]
            if margins:
                figures[f"margin cell {number + 1}"] = fmean(margins)
            if self.cells == "all" or last[cell.kind] == number:
                parts += self._rows(search, number, cell.kind, edges)
            if number == len(cells) - 1:
                names = {name: None for edge in edges for name in edge}
                for name in names:
                    figures[f"gradient {name}"] = fmean(edge[name] for edge in edges if name in edge)
        return Seen(figures, parts)

    @staticmethod
    def _of_edges(search: StageSearch, kind: str, gradients: Tensor) -> list[dict[str, float]]:
        """For every edge of a cell the gradient by operation; only operations that the edge has."""
        cell = search.state.architecture.cells[kind]
        values = gradients.tolist()
        return [
            {cell.ops[column]: values[row][column] for column in columns}
            for row, columns in enumerate(cell.live_columns)
        ]

    @staticmethod
    def _rows(
        search: StageSearch, number: int, kind: str, edges: Sequence[Mapping[str, float]]
    ) -> list[dict[str, Any]]:
        topology = search.problem.space.cell
        return [
            {
                "cell": number + 1,
                "kind": kind,
                "source": topology.edges[row].source,
                "target": topology.edges[row].target,
                "margin": margin(edge),
                "gradients": dict(edge),
            }
            for row, edge in enumerate(edges)
        ]


@dataclass(frozen=True)
class HypergradientSize(Watch):
    """Takes the gradient of alpha as the method itself computes it, its response of the weights included.

    It is the mean of the absolute values over some pairs of batches, for all entries of alpha together and for the
    operations of one edge, drawn once. The size depends on the batch size, which is recorded with it.

    Paper: the size of hypergradients decides how far alpha moves; cf. Lorraine et al., arXiv:1911.02590.

    Attributes:
        batches: pairs of batches.
    """

    batches: int = 3

    title = "Size of the gradient of alpha"
    charts = (
        Chart(
            "Absolute gradient of alpha as the method computes it, mean over the batches: over all of alpha, and by "
            "operation on one edge that was drawn once.",
            "absolute gradient",
            {"mean": "all of alpha", "operation *": "*"},
        ),
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse methods that do not differentiate, or whose gradient needs a companion.

        Raises:
            SettingsError: the method is one of these.
        """
        if recipe.gradient is None:
            raise SettingsError(
                "this method computes no gradient of alpha, so the watch 'hypergradient' has nothing to measure; leave "
                "it out, or search by another method."
            )
        if recipe.companion is not None:
            raise SettingsError(
                "the gradient of alpha of this method comes from a companion network, which the watch 'hypergradient' "
                "cannot ask; leave it out, or search by another method."
            )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """As much as so many steps of alpha; None while alpha rests in all stages."""
        if search.recipe.gradient is None:
            return None
        pairs = zip(probes.training(self.batches), probes.validation(self.batches), strict=True)
        sizes: dict[str, Tensor] = {}
        for number, (training, validation) in enumerate(pairs):
            steps = search.make_steps(f"watch-{number}-")
            for name, gradient in steps.gradient_on(training, validation).items():
                sizes[name] = sizes.get(name, torch.zeros(())) + gradient.detach().abs().cpu() / self.batches
        entries = sum(size.numel() for size in sizes.values())
        mean = math.fsum(float(size.double().sum()) for size in sizes.values()) / entries
        figures: dict[str, float | None] = {"mean": mean, "batch_size": float(len(probes.training()[0].labels))}
        figures |= self._of_edge(search, sizes)
        return Seen(figures)

    @staticmethod
    def _of_edge(search: StageSearch, sizes: Mapping[str, Tensor]) -> dict[str, float | None]:
        """The size by operation, on an edge drawn once; empty where alpha has no entry for each operation."""
        kind = search.problem.space.cell_kinds[0]
        cell = search.state.architecture.cells[kind]
        if kind not in sizes or sizes[kind].shape != cell.live.shape:
            return {}
        draw = make_generator(0, "watch", "edge", kind)
        row = int(torch.randint(len(cell.live), (), generator=draw))
        edge = cell.topology.edges[row]
        values = sizes[kind][row].tolist()
        found: dict[str, float | None] = {f"operation {cell.ops[c]}": values[c] for c in cell.live_columns[row]}
        return {"edge_source": float(edge.source), "edge_target": float(edge.target), **found}


@watch("operator-gradients", paper="arXiv:2108.08128")
def watched_operators(*, cells: Cells = "last") -> OperatorGradients:
    """What the loss of alpha asks of operations with and without weights, in every cell.

    Args:
        cells: whose edges are recorded one by one: the "last" cell of every kind, or "all".
    """
    return OperatorGradients(cells)


@watch("hypergradient", paper="arXiv:1911.02590")
def watched_hypergradient(*, batches: Count = 3) -> HypergradientSize:
    """How large the gradient of alpha is as the method computes it.

    Args:
        batches: pairs of batches over which its absolute value is averaged.
    """
    return HypergradientSize(batches)
