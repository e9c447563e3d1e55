"""Facts about the course of a run, from its events: the search and the training, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from dartboard.reports.facts import EdgeFacts, GateFacts, SearchFacts, Series, TrainFacts
from dartboard.space.genotype import CellGenotype, Genotype

__all__ = ["read_search", "read_training"]

Event = Mapping[str, Any]


def read_search(events: Sequence[Event], genotype: Genotype | None) -> SearchFacts | None:
    """Facts about the search, or None where no epoch of one was recorded.

    Args:
        events: the run's events.
        genotype: the search's outcome, which tells the cell's graph and the operations kept.
    """
    epochs = [event for event in events if event["event"] == "epoch" and event["phase"] == "search"]
    undone = [event for event in events if event["event"] == "rollback"]
    if not epochs:
        return None
    return SearchFacts(
        epochs=tuple(int(event["epoch"]) for event in epochs),
        planned=epochs[-1].get("epochs"),
        seconds=_total_seconds([*epochs, *undone]),
        weight_loss=_series(epochs, "weight_loss"),
        alpha_loss=_series(epochs, "alpha_loss"),
        validation_loss=_series(epochs, "validation_loss"),
        weight_accuracy=_series(epochs, "weight_accuracy"),
        validation_accuracy=_series(epochs, "validation_accuracy"),
        eigenvalue=_series(epochs, "eigenvalue"),
        gates=_gates(epochs, genotype),
        operation_counts=_operation_counts(epochs),
        settled=_settled(epochs),
    )


def read_training(events: Sequence[Event]) -> tuple[TrainFacts, ...]:
    """Facts about each training run, by the run's number; empty where no epoch of one was recorded."""
    epochs = [event for event in events if event["event"] == "epoch" and event["phase"] == "train"]
    runs = sorted({int(event.get("run") or 0) for event in epochs})
    return tuple(_training_run(run, [event for event in epochs if int(event.get("run") or 0) == run]) for run in runs)


def _training_run(run: int, epochs: Sequence[Event]) -> TrainFacts:
    return TrainFacts(
        run=run,
        epochs=tuple(int(event["epoch"]) for event in epochs),
        planned=epochs[-1].get("epochs"),
        seconds=_total_seconds(epochs),
        train_loss=_series(epochs, "train_loss"),
        validation_loss=_series(epochs, "validation_loss"),
        train_accuracy=_series(epochs, "train_accuracy"),
        validation_accuracy=_series(epochs, "validation_accuracy"),
    )


def _series(epochs: Sequence[Event], key: str) -> Series:
    return tuple(None if event.get(key) is None else float(event[key]) for event in epochs)


def _total_seconds(epochs: Sequence[Event]) -> float:
    return float(sum(event.get("seconds") or 0.0 for event in epochs))


def _operation_counts(epochs: Sequence[Event]) -> tuple[tuple[str, Series], ...]:
    counts: list[Mapping[str, int]] = [event.get("operation_counts") or {} for event in epochs]
    last = counts[-1]
    names = sorted({name for entry in counts for name in entry}, key=lambda name: (-last.get(name, 0), name))
    return tuple((name, tuple(float(entry.get(name, 0)) if entry else None for entry in counts)) for name in names)


def _settled(epochs: Sequence[Event]) -> int | None:
    genotypes = [event.get("genotype") for event in epochs]
    if genotypes[-1] is None:
        return None
    start = len(genotypes)
    while start > 0 and genotypes[start - 1] == genotypes[-1]:
        start -= 1
    return int(epochs[start]["epoch"])


def _gates(epochs: Sequence[Event], genotype: Genotype | None) -> tuple[GateFacts, ...]:
    recorded = [event for event in epochs if event.get("gates")]
    if not recorded:
        return ()
    cells = dict(genotype.cells) if genotype else {}
    facts = []
    for kind, last in recorded[-1]["gates"].items():
        # A search in stages may change the number of operations; what belongs together is what has the last shape.
        alike = [event for event in recorded if _shape(event["gates"].get(kind)) == _shape(last)]
        rows = [event["gates"][kind] for event in alike]
        numbers = tuple(int(event["epoch"]) for event in alike)
        facts.append(GateFacts(kind, tuple(recorded[-1]["operations"]), numbers, _edges(rows, cells.get(kind))))
    return tuple(facts)


def _shape(gates: Any) -> tuple[int, ...] | None:
    return tuple(len(row) for row in gates) if gates else None


def _edges(history: Sequence[Sequence[Sequence[float]]], cell: CellGenotype | None) -> tuple[EdgeFacts, ...]:
    """One entry a row of the gates; `history` is epochs x edges x operations."""
    ends = _ends(len(history[-1]), cell)
    edges = []
    for row, numbers in enumerate(history[-1]):
        gates = tuple(tuple(epoch[row][column] for epoch in history) for column in range(len(numbers)))
        if ends is None:
            edges.append(EdgeFacts(f"edge {row + 1}", None, None, (), gates))
        else:
            source, target = ends[row]
            choices = cell.choices if cell else ()
            kept = tuple(choice.op for choice in choices if (choice.source, choice.target) == (source, target))
            edges.append(EdgeFacts(f"{source} → {target}", source, target, kept, gates))
    return tuple(edges)


def _ends(num_edges: int, cell: CellGenotype | None) -> list[tuple[int, int]] | None:
    """(source, target) of each row, if a cell with all edges has as many; None where the cell has another graph."""
    if cell is None or not cell.choices:
        return None
    computed = [*(choice.target for choice in cell.choices), *cell.outputs]
    # Nodes that have left may lie below and above those that are named: the number of edges tells.
    for first in range(min(computed), 0, -1):
        ends: list[tuple[int, int]] = []
        while len(ends) < num_edges:
            target = first if not ends else ends[-1][1] + 1
            ends += [(source, target) for source in range(target)]
        if len(ends) == num_edges and ends[-1][1] >= max(computed):
            return ends
    return None
