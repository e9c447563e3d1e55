"""Facts about what was found out about a finished search, read from analysis.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DiscretisationFacts", "OperationFacts", "ShufflingFacts", "StrengthFacts", "read_analysis"]

MEASURES = ("discretisation", "gate", "perturbation")
"""What tells how strong an operation is, the reference first."""


@dataclass(frozen=True)
class OperationFacts:
    """An operation of an edge; accuracies are fractions.

    Attributes:
        accuracy: the best of the supernet that has the operation alone there, and learned on.
        at_once: before it learned on.
        epochs: that it learned on.
        gate: mean gate in the supernet as the search left it.
        without: accuracy of that supernet without the operation.
        ranks: 1 for the strongest, by each of `MEASURES`.
    """

    name: str
    accuracy: float
    at_once: float
    epochs: int
    gate: float
    without: float
    ranks: tuple[int, ...]


@dataclass(frozen=True)
class StrengthFacts:
    """An edge and its operations.

    Attributes:
        preferred: the operation that each of `MEASURES` finds strongest.
        kendall: rank correlation of gate and of perturbation with the accuracy reached, None where there is none.
    """

    label: str
    operations: tuple[OperationFacts, ...]
    preferred: tuple[str, ...]
    kendall: tuple[float | None, ...]


@dataclass(frozen=True)
class DiscretisationFacts:
    """How strong operations are, by what the supernet is worth once it has settled with them.

    Attributes:
        supernet: accuracy of the supernet as the search left it.
        kendall: mean rank correlation of gate and of perturbation with the accuracy reached.
        spearman: likewise, by Spearman.
        same: on how many edges gate and perturbation prefer what the accuracy reached prefers.
        skips: on how many edges each of `MEASURES` prefers the skip connection.
        skip_edges: edges that can have one.
        unsettled: copies that still got better when their epochs ended.
    """

    supernet: float
    edges: tuple[StrengthFacts, ...]
    kendall: tuple[float | None, ...]
    spearman: tuple[float | None, ...]
    same: tuple[int, ...]
    skips: tuple[int, ...]
    skip_edges: int
    unsettled: int


@dataclass(frozen=True)
class ShufflingFacts:
    """The supernet before and after parts of it changed places; accuracies are fractions.

    Attributes:
        parts: "edges" or "layers".
        std: deviation over the permutations (ddof 0).
        permutations: what changed places, and the accuracy then.
    """

    parts: str
    before: float
    after: float
    std: float
    permutations: tuple[tuple[str, float], ...]


def read_analysis(content: Mapping[str, Any]) -> DiscretisationFacts | ShufflingFacts | None:
    """Facts about the analysis, or None where there is none that the page can show.

    Args:
        content: of analysis.json.
    """
    match content.get("name"):
        case "discretisation":
            return _discretisation(content["findings"])
        case "shuffling":
            return _shuffling(content["findings"])
    return None


def _discretisation(findings: Mapping[str, Any]) -> DiscretisationFacts:
    cheap = [findings["agreement"][measure] for measure in MEASURES[1:]]
    return DiscretisationFacts(
        supernet=float(findings["supernet_accuracy"]),
        edges=tuple(_strengths(edge) for edge in findings["edges"]),
        kendall=tuple(each["kendall"] for each in cheap),
        spearman=tuple(each["spearman"] for each in cheap),
        same=tuple(int(each["same"]) for each in cheap),
        skips=tuple(int(findings["skips"][measure]) for measure in MEASURES),
        skip_edges=int(findings["skips"]["edges"]),
        unsettled=sum(not each["settled"] for edge in findings["edges"] for each in edge["operations"]),
    )


def _strengths(edge: Mapping[str, Any]) -> StrengthFacts:
    kind = "" if edge["kind"] == "cell" else f"{edge['kind']} "
    return StrengthFacts(
        label=f"{kind}{edge['source']} → {edge['target']}",
        operations=tuple(
            OperationFacts(
                name=str(each["operation"]),
                accuracy=float(each["accuracy"]),
                at_once=float(each["accuracy_at_once"]),
                epochs=int(each["epochs"]),
                gate=float(each["gate"]),
                without=float(each["accuracy_without"]),
                ranks=tuple(int(each["ranks"][measure]) for measure in MEASURES),
            )
            for each in edge["operations"]
        ),
        preferred=tuple(str(edge["preferred"][measure]) for measure in MEASURES),
        kendall=tuple(edge["agreement"][measure]["kendall"] for measure in MEASURES[1:]),
    )


def _shuffling(findings: Mapping[str, Any]) -> ShufflingFacts:
    return ShufflingFacts(
        parts=str(findings["parts"]),
        before=float(findings["before"]),
        after=float(findings["after"]),
        std=float(findings["after_std"]),
        permutations=tuple(
            ("; ".join(map(str, each["exchanged"])), float(each["accuracy"])) for each in findings["permutations"]
        ),
    )
