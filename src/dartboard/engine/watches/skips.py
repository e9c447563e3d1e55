"""What skip connections gain on convolutions, in the gates and in the variances of residual maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import (
    Chart,
    Observation,
    Probes,
    Seen,
    Watch,
    mean_step,
    rank_correlation,
    watch,
)
from dartboard.errors import SettingsError
from dartboard.parts.recipe import Recipe
from dartboard.runs import SearchEpoch
from dartboard.space import SearchSpace
from dartboard.space.ops import has_weights
from dartboard.supernet import ReferenceSupernet

__all__ = [
    "ResidualVariance",
    "Residuals",
    "SkipAdvantage",
    "best_shares",
    "residuals",
    "watched_advantage",
    "watched_residuals",
]

_SKIP, _NONE = "skip_connect", "none"


def identity_rows(search: StageSearch) -> dict[str, list[int]]:
    """Kind of cells -> rows of the edges whose skip connection is an identity in all of its cells, and that search."""
    supernet = search.supernet
    assert isinstance(supernet, ReferenceSupernet)
    rows: dict[str, list[int]] = {}
    for kind, relaxed in search.state.architecture.cells.items():
        cells = [cell for _, cell in supernet.cells() if cell.kind == kind]
        rows[kind] = [
            row
            for row, columns in enumerate(relaxed.live_columns)
            if any(has_weights(relaxed.ops[column]) for column in columns)
            and all(type(cell.ops_of(row, None).get(_SKIP)) is nn.Identity for cell in cells)
        ]
    return rows


def _refuse_without_skips(name: str, space: SearchSpace) -> None:
    if _SKIP not in space.ops or not any(map(has_weights, space.ops)):
        raise SettingsError(
            f"the watch '{name}' compares skip connections with operations that have weights, and the space "
            f"{space.name} does not have both; leave it out, or search in another space."
        )


Pooled = Literal["mean", "sum", "max"]


@dataclass(frozen=True)
class SkipAdvantage(Watch):
    """Takes the gates of skip connections less those of convolutions, mean over the edges that have both.

    Free: it only reads the gates of the epoch. Paper: Wang et al., arXiv:2108.04392: the better the supernet, the
    larger the advantage, which tells nothing of how strong the operations are.

    Attributes:
        pooled: how the gates of several convolutions of an edge are taken together.
    """

    pooled: Pooled = "mean"

    title = "Advantage of skip connections"
    reads_records = True
    charts = (
        Chart(
            "Gate of the skip connection less that of the convolutions, mean over the edges that have both. A search "
            "that collapses ends far above zero.",
            "skip less convolution",
            {"advantage": "advantage", "skip": "skip connection", "convolution": "convolution"},
        ),
        Chart(
            "The same advantage against the accuracy of the supernet, one point for every epoch. If it grows with the "
            "accuracy, large gates of skip connections are a sign of a well trained supernet, not of strong skips.",
            "skip less convolution",
            {"advantage": "advantage"},
            against="validation_accuracy",
        ),
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse spaces without skip connections or without operations that have weights."""
        _refuse_without_skips("skip-advantage", space)

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """Free."""
        skips, convolutions = [], []
        for kind, rows in identity_rows(search).items():
            cell, gates = search.state.architecture.cells[kind], epoch.gates[kind]
            for row in rows:
                own = {cell.ops[column]: gates[row][column] for column in cell.live_columns[row]}
                skips.append(own[_SKIP])
                convolutions.append(_pool([gate for op, gate in own.items() if has_weights(op)], self.pooled))
        if not skips:
            return None
        skip, convolution = fmean(skips), fmean(convolutions)
        return Seen({"advantage": skip - convolution, "skip": skip, "convolution": convolution})

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:
        """Spearman's rho of the advantage with the accuracy of the supernet."""
        advantages = [each.figures.get("advantage") for each in seen]
        return {
            "rank correlation with the accuracy of the supernet": rank_correlation(
                advantages, [each.validation_accuracy for each in seen]
            )
        }


def _pool(gates: Sequence[float], pooled: Pooled) -> float:
    return {"mean": fmean(gates), "sum": sum(gates), "max": max(gates)}[pooled]


class Residuals(NamedTuple):
    """Variances of what two maps lack of a third.

    Attributes:
        skip: variance of x - m.
        convolution: variance of o - m.
        covariance: of both.
    """

    skip: float
    convolution: float
    covariance: float


def best_shares(found: Residuals) -> tuple[float, float] | None:
    """The shares (convolution, skip) of a mixture of o and x that come nearest to m; None where all are the same.

    Minimises Var(a (o - m) + b (x - m)) with a + b = 1 (arXiv:2108.04392, proposition 1).
    """
    whole = found.skip + found.convolution - 2 * found.covariance
    if not whole > 0:
        return None
    return (found.skip - found.covariance) / whole, (found.convolution - found.covariance) / whole


def residuals(x: Tensor, o: Tensor, m: Tensor) -> Residuals:
    """The variances and the covariance of x - m and o - m over all entries."""
    one, other = (each - each.mean() for each in (x - m, o - m))
    return Residuals(float(one.square().mean()), float(other.square().mean()), float((one * other).mean()))


def _normalised(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 for every channel, over batch and positions; a channel without variance becomes 0."""
    centred = x.double() - x.double().mean(dim=(0, 2, 3), keepdim=True)
    return centred / centred.square().mean(dim=(0, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)


class _Edge(NamedTuple):
    x: Tensor
    o: Tensor
    y: Tensor


@dataclass
class _Edges:
    """Keeps the maps of some edges."""

    gates: Mapping[str, Tensor]
    rows: Mapping[str, Sequence[int]]
    kinds: Mapping[int, str]
    columns: Mapping[str, int]
    found: dict[int, dict[int, _Edge]] = field(default_factory=dict)

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:
        """Keep input, gated operations and mixture of an edge, each normalised."""
        kind = self.kinds[block]
        others = [name for name in outputs if name not in (_SKIP, _NONE)]
        if row in self.rows[kind] and others:
            gates = self.gates[kind][row]
            gated = torch.stack([gates[self.columns[name]] * outputs[name] for name in others]).sum(dim=0)
            edges = self.found.setdefault(block, {})
            edges[row] = _Edge(*map(_normalised, (x, gated, mixed)))

    def cell(self, block: int, states: Sequence[Tensor]) -> None:
        """Nodes do not matter here."""


@dataclass(frozen=True)
class ResidualVariance(Watch):
    """Compares what the input of an edge and what its convolutions lack of the map that the cell aims at.

    The map aimed at is estimated by the mean of the normalised outputs of the other edges of the cell. The smaller of
    both variances deserves the larger share. The shares that follow are compared with the gates.

    Paper: Wang et al., arXiv:2108.04392, proposition 1.

    Attributes:
        others: whether the map aimed at is the mean over the other edges of the cell, or only of the same node.
    """

    others: Literal["cell", "node"] = "cell"

    title = "Variances of residual maps"
    charts = (
        Chart(
            "Variance of what the input of an edge, and what its convolutions, lack of the map that the cell aims at, "
            "mean over edges. The smaller one deserves the larger gate.",
            "variance",
            {"variance of the input": "input", "variance of the convolutions": "convolutions"},
        ),
        Chart(
            "Share of the skip connection: as these variances predict it, and in the gates, mean over edges.",
            "share of the skip connection",
            {"predicted share": "predicted", "actual share": "in the gates"},
        ),
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse spaces without skip connections or without operations that have weights."""
        _refuse_without_skips("residual-variance", space)

    @torch.no_grad()
    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """One pass forward."""
        supernet = search.supernet
        assert isinstance(supernet, ReferenceSupernet)
        gates, active = mean_step(search)
        kinds = {block: cell.kind for block, cell in supernet.cells()}
        columns = {name: column for column, name in enumerate(search.problem.space.ops)}
        kept = _Edges(gates, identity_rows(search), kinds, columns)
        (batch,) = probes.validation()
        supernet(batch.images, gates, active, reader=kept)
        parts = [
            part
            for number, block in enumerate(kinds)
            for part in self._of_cell(search, number, kinds[block], kept.found.get(block, {}), gates)
        ]
        return Seen(_over_edges(parts), parts) if parts else None

    def _of_cell(
        self, search: StageSearch, number: int, kind: str, edges: Mapping[int, _Edge], gates: Mapping[str, Tensor]
    ) -> list[dict[str, Any]]:
        relaxed, rows = search.state.architecture.cells[kind], []
        topology = relaxed.topology
        for row, (x, o, _) in edges.items():
            place = topology.edges[row]
            others = [
                edge.y
                for other, edge in edges.items()
                if other != row and (self.others == "cell" or topology.edges[other].target == place.target)
            ]
            if not others:
                continue
            found = residuals(x, o, _normalised(torch.stack(others).mean(dim=0)))
            own = {relaxed.ops[column]: float(gates[kind][row][column]) for column in relaxed.live_columns[row]}
            told = own[_SKIP] + sum(gate for op, gate in own.items() if op not in (_SKIP, _NONE))
            shares = best_shares(found)
            rows.append(
                {
                    "cell": number + 1,
                    "kind": kind,
                    "source": place.source,
                    "target": place.target,
                    "input": found.skip,
                    "convolutions": found.convolution,
                    "covariance": found.covariance,
                    "predicted": shares[1] if shares else None,
                    "actual": own[_SKIP] / told if told else None,
                }
            )
        return rows

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:
        """Spearman's rho of both mean variances with the accuracy of the supernet."""
        accuracies = [each.validation_accuracy for each in seen]
        return {
            f"rank correlation of the {name} with the accuracy of the supernet": rank_correlation(
                [each.figures.get(name) for each in seen], accuracies
            )
            for name in ("variance of the input", "variance of the convolutions")
        }


def _over_edges(parts: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    predicted, actual = ([part[name] for part in parts] for name in ("predicted", "actual"))
    return {
        "variance of the input": fmean(part["input"] for part in parts),
        "variance of the convolutions": fmean(part["convolutions"] for part in parts),
        "predicted share": _mean(predicted),
        "actual share": _mean(actual),
        "share of edges with the smaller variance at the input": fmean(
            part["input"] < part["convolutions"] for part in parts
        ),
        "rank correlation of predicted and actual share": rank_correlation(predicted, actual),
    }


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return fmean(told) if told else None


@watch("skip-advantage", paper="arXiv:2108.04392")
def watched_advantage(*, pooled: Pooled = "mean") -> SkipAdvantage:
    """How far the gates of skip connections exceed those of convolutions, against the accuracy of the supernet.

    Args:
        pooled: how the gates of several convolutions of an edge are taken together: "mean", "sum" or "max".
    """
    return SkipAdvantage(pooled)


@watch("residual-variance", paper="arXiv:2108.04392")
def watched_residuals(*, others: Literal["cell", "node"] = "cell") -> ResidualVariance:
    """What the input and the convolutions of an edge lack of the map that the cell aims at.

    Args:
        others: the edges whose mean output estimates that map: all others of the "cell", or those into the same "node".
    """
    return ResidualVariance(others)
