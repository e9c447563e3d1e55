"""The strength of an operation as what the supernet is worth once it has settled with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from typing_extensions import override

from dartboard.engine.finished.analyses.protocol import Analysis, Findings, Measurement, analysis, scored
from dartboard.engine.finished.analyses.strengths import Strengths, edge_strengths
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.stage import StageSearch
from dartboard.errors import SettingsError
from dartboard.parts.recipe import Count
from dartboard.parts.removal import learning_on
from dartboard.parts.rules.removal import without_operation
from dartboard.runs import Observer
from dartboard.space import SearchSpace

__all__ = ["Discretisation", "find_edges"]


def find_edges(wanted: str | Sequence[str], space: SearchSpace) -> list[tuple[str, int]]:
    """The edges called so: cell kind and row of each, in the order of the space.

    Args:
        wanted: "all", or names with commas between them or in a list: "normal:0-2" is the edge from node 0 to node 2 of
            normal cells, "0-2" that of every kind of cells, "normal" all edges of these.
        space: the search space.

    Raises:
        SettingsError: there is no such edge.
    """
    every = [(kind, row) for kind in space.cell_kinds for row in range(len(space.cell.edges))]
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    found: set[tuple[str, int]] = set()
    for name in (text.strip() for text in names):
        own = [edge for edge in every if name in ("all", *_names(*edge, space))]
        if not own:
            kind, row = every[0]
            raise SettingsError(
                f"there is no edge '{name}' in the space {space.name}; say all, or name edges as in "
                f"{_names(kind, row, space)[0]} (kind of cells, node that it leaves, node that it enters; the kinds "
                f"are {', '.join(space.cell_kinds)}, and `dartboard spaces --verbose` lists the edges)."
            )
        found.update(own)
    return [edge for edge in every if edge in found]


def _names(kind: str, row: int, space: SearchSpace) -> tuple[str, str, str]:
    edge = space.cell.edges[row]
    ends = f"{edge.source}-{edge.target}"
    return f"{kind}:{ends}", ends, kind


_SUPERNET = "supernet"


@dataclass(frozen=True)
class Discretisation(Analysis):
    """Fixes an edge to one operation and lets the rest of a copy of the supernet learn on, to compare operations.

    The accuracy reached is what the gate of an operation, and what the supernet loses without it, stand in for. The
    copies learn on as in DARTS-PT, weights at a tenth of the rate of the search and alphas as in the search, all of
    them on the same batches, until the validation accuracy has not risen for `patience` epochs.

    Paper: "discretization accuracy at convergence", Wang et al., arXiv:2108.04392, section 3.

    Attributes:
        edges: which; see `find_edges`.
        patience: epochs without a better accuracy after which a copy has settled.
        epochs: that a copy learns at most.
        images: on which supernets are scored: a number of those on which alpha learned, or all; None: as many as in the
            search.
    """

    edges: str | Sequence[str] = "all"
    patience: int = 5
    epochs: int = 20
    images: int | Literal["all"] | None = None
    learns = True

    @property
    def search(self) -> Mapping[str, Any]:
        """What differs from the search: on how many images supernets are scored."""
        if self.images is None:
            return {}
        return {"validation_images": None if self.images == "all" else self.images}

    @override
    def refuse(self, space: SearchSpace) -> None:
        find_edges(self.edges, space)

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """The supernet as it is, then every operation of every edge.

        Raises:
            SettingsError: no edge has two operations to choose from.
        """
        search, space = self._copy(finished), finished.problem.space
        chosen = [
            (kind, row, column)
            for kind, row in find_edges(self.edges, space)
            for column in _choices(search, kind, row)
            if len(_choices(search, kind, row)) > 1
        ]
        if not chosen:
            raise SettingsError("the edges asked for have one operation each, so there is nothing to compare.")
        whole = Measurement(_SUPERNET, lambda: {"accuracy": _accuracy(search)})
        return [whole, *(self._measurement(finished, search, *each) for each in chosen)]

    def conclude(self, measured: Mapping[str, Findings]) -> Findings:
        """How far the measures of the strength of operations agree.

        Returns:
            The plain data of `Strengths`.
        """
        figures = dict(measured)
        whole = figures.pop(_SUPERNET)
        by_edge: dict[tuple[str, int, int], list[Findings]] = {}
        for each in figures.values():
            by_edge.setdefault((each["kind"], each["source"], each["target"]), []).append(each)
        edges = [edge_strengths(edge, operations) for edge, operations in by_edge.items()]
        return Strengths.over(whole["accuracy"], edges).model_dump(mode="json")

    def _copy(self, finished: FinishedSearch) -> StageSearch:
        search = finished.begin(learning_on(finished.recipe), self.epochs, "analysis")
        finished.hand_over(search)
        return search

    def _measurement(
        self, finished: FinishedSearch, untouched: StageSearch, kind: str, row: int, column: int
    ) -> Measurement:
        space = finished.problem.space
        edge, name = space.cell.edges[row], space.ops[column]

        def measure() -> Findings:
            gates = untouched.mean_gates(untouched.state.alphas)
            return {
                "kind": kind,
                "source": edge.source,
                "target": edge.target,
                "operation": name,
                "gate": float(gates[kind][row, column]),
                "accuracy_without": scored(untouched.validate(without_operation(gates, kind, row, column))).accuracy,
                **self._settle(self._copy(finished), kind, row, name),
            }

        return Measurement(f"{kind}:{edge.source}-{edge.target} {name}", measure)

    def _settle(self, search: StageSearch, kind: str, row: int, name: str) -> Findings:
        """Fix the edge, and let the rest learn until it no longer gets better."""
        state = search.state
        state.follow(state.plan.decided(kind, row, name))
        at_once = _accuracy(search)
        accuracies: list[float] = []
        while not state.has_ended and not has_settled(accuracies, self.patience):
            state.plan_epoch(search.recipe.rules)
            accuracy = search.run_epoch(Observer()).validation_accuracy
            assert accuracy is not None
            accuracies.append(accuracy)
        best = max(accuracies)
        return {
            "accuracy_at_once": at_once,
            "accuracy": best,
            "epoch": 1 + accuracies.index(best),
            "epochs": len(accuracies),
            "settled": has_settled(accuracies, self.patience),
        }


def has_settled(accuracies: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` epochs have brought nothing better than those before.

    >>> has_settled([0.5, 0.6, 0.6], 1), has_settled([0.5, 0.6, 0.6], 2)
    (True, False)
    """
    return bool(accuracies) and len(accuracies) - 1 - accuracies.index(max(accuracies)) >= patience


def _accuracy(search: StageSearch) -> float:
    return scored(search.validate(search.mean_gates(search.state.alphas))).accuracy


def _choices(search: StageSearch, kind: str, row: int) -> tuple[int, ...]:
    return search.state.architecture.cells[kind].selectable_columns[row]


@analysis("discretisation", paper="arXiv:2108.04392")
def discretisation(
    *,
    edges: str | tuple[str, ...] = "all",
    patience: Count = 5,
    epochs: Count = 20,
    images: Count | Literal["all"] | None = None,
) -> Any:
    """Fix each operation of each edge in turn, let the rest learn on, and compare.

    Args:
        edges: "all", or some, as in normal:0-2,normal:1-2.
        patience: epochs without a better validation accuracy after which the rest has settled.
        epochs: that it learns at most.
        images: on which supernets are scored: so many of the half on which alpha learned, or "all" of it; null: as many
            as in the search (`search.validation_images`).
    """
    return Discretisation(edges, patience, epochs, images)
