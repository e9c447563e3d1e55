"""How strong the operations of each edge are by several measures, and how far the measures agree."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from dartboard.runs import Record

__all__ = [
    "CHEAP",
    "MEASURES",
    "Agreement",
    "Correlations",
    "EdgeStrengths",
    "OperationStrength",
    "Strengths",
    "agreement",
    "edge_strengths",
    "ranks",
]


class Agreement(NamedTuple):
    """Rank correlations, from -1 (opposite order) to 1 (same order); None where a measure tells nothing apart.

    Attributes:
        kendall: Kendall's tau-b.
        spearman: Spearman's rho.
    """

    kendall: float | None
    spearman: float | None


def agreement(one: Sequence[float], other: Sequence[float]) -> Agreement:
    """The rank correlations of two measures of the same things."""
    from scipy import stats

    if len(set(one)) < 2 or len(set(other)) < 2:
        return Agreement(None, None)
    return Agreement(float(stats.kendalltau(one, other).statistic), float(stats.spearmanr(one, other).statistic))


def ranks(strengths: Sequence[float]) -> list[int]:
    """The rank of each strength, 1 for the largest; equal ones share the better rank.

    >>> ranks([0.2, 0.5, 0.2])
    [2, 1, 2]
    """
    return [1 + sum(other > own for other in strengths) for own in strengths]


MEASURES = ("discretisation", "gate", "perturbation")
"""What tells how strong an operation is; the accuracy reached after discretisation is what the others stand in for."""

CHEAP = MEASURES[1:]
"""The measures that cost next to nothing."""

_SKIP = "skip_connect"


class OperationStrength(Record):
    """An operation of an edge; accuracies are fractions."""

    operation: str
    """Its name."""

    accuracy: float
    """The best of the supernet that has the operation alone there, and learned on."""

    accuracy_at_once: float
    """Before it learned on."""

    epoch: int
    """In which epoch the accuracy was the best."""

    epochs: int
    """That it learned on."""

    settled: bool
    """Whether the accuracy had ceased to rise by then."""

    gate: float
    """Mean gate in the supernet as the search left it."""

    accuracy_without: float
    """Of that supernet without the operation."""

    ranks: dict[str, int]
    """1 for the strongest, by measure; equal ones share a rank."""


class Correlations(Record):
    """How far a cheap measure orders operations as the accuracy reached does; null where it tells nothing apart."""

    kendall: float | None
    """Kendall's tau-b."""

    spearman: float | None
    """Spearman's rho."""


class Overall(Correlations):
    """Means over the edges."""

    same: int
    """Edges on which the measure prefers what the accuracy reached prefers."""

    edges: int
    """Edges in all."""


class EdgeStrengths(Record):
    """An edge and its operations."""

    kind: str
    """Kind of its cells."""

    source: int
    """Node it comes from."""

    target: int
    """Node it feeds."""

    operations: tuple[OperationStrength, ...]
    """All that the edge had to choose from."""

    preferred: dict[str, str]
    """The strongest operation by measure."""

    agreement: dict[str, Correlations]
    """Of each cheap measure with the accuracy reached."""


class Strengths(Record):
    """How strong operations are, by what the supernet is worth once it has settled with them."""

    supernet_accuracy: float
    """Of the supernet as the search left it."""

    edges: tuple[EdgeStrengths, ...]
    """Edge by edge."""

    agreement: dict[str, Overall]
    """Of each cheap measure with the accuracy reached."""

    skips: dict[str, int]
    """On how many edges each measure prefers the skip connection; `edges` is how many can have one."""

    @classmethod
    def over(cls, supernet_accuracy: float, edges: Sequence[EdgeStrengths]) -> Self:
        """With the means and counts over the edges."""
        can = [edge for edge in edges if any(each.operation == _SKIP for each in edge.operations)]
        skips = {measure: sum(edge.preferred[measure] == _SKIP for edge in can) for measure in MEASURES}
        return cls(
            supernet_accuracy=supernet_accuracy,
            edges=tuple(edges),
            agreement={measure: _overall(edges, measure) for measure in CHEAP},
            skips={**skips, "edges": len(can)},
        )


def edge_strengths(edge: tuple[str, int, int], operations: Sequence[Mapping[str, Any]]) -> EdgeStrengths:
    """What the measurements of an edge say together.

    Args:
        edge: kind of the cells, source and target.
        operations: what was measured of each, under the names of `OperationStrength`.
    """
    kind, source, target = edge
    strengths = {
        "discretisation": [each["accuracy"] for each in operations],
        "gate": [each["gate"] for each in operations],
        "perturbation": [-each["accuracy_without"] for each in operations],
    }
    placed = {measure: ranks(values) for measure, values in strengths.items()}
    figures = OperationStrength.model_fields.keys() - {"ranks"}
    return EdgeStrengths(
        kind=kind,
        source=source,
        target=target,
        operations=tuple(
            OperationStrength(
                **{name: each[name] for name in figures},
                ranks={measure: placed[measure][at] for measure in MEASURES},
            )
            for at, each in enumerate(operations)
        ),
        preferred={measure: operations[placed[measure].index(1)]["operation"] for measure in MEASURES},
        agreement={
            measure: Correlations(**agreement(strengths["discretisation"], strengths[measure])._asdict())
            for measure in CHEAP
        },
    )


def _overall(edges: Sequence[EdgeStrengths], measure: str) -> Overall:
    """Mean correlations over the edges that have one, and on how many edges the same operation is preferred."""
    own = [edge.agreement[measure] for edge in edges]
    return Overall(
        kendall=_mean([each.kendall for each in own]),
        spearman=_mean([each.spearman for each in own]),
        same=sum(edge.preferred[measure] == edge.preferred["discretisation"] for edge in edges),
        edges=len(edges),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return sum(told) / len(told) if told else None
