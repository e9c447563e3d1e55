"""Rules that stop a search early, or choose the epoch from which the architecture is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from dartboard.parts.rules.protocol import Outcome, Rule, SearchView
from dartboard.space import Norm, SearchSpace
from dartboard.space.ops import op_cost
from dartboard.wording import cell_name
from dartboard.wording import count as in_words

__all__ = ["BestEpoch", "StopAtSkips", "StopAtStableRanking"]


@dataclass(frozen=True)
class BestEpoch(Rule):
    """Read the architecture from the epoch with the best validation accuracy of the supernet; the search goes on.

    Among equals the first epoch counts. Epochs in which alpha rests and epochs without validation images are skipped.
    Source: the bilevel search of GAEA, arXiv:2004.07802.
    """

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        accuracy = search.validation_accuracy
        if accuracy is None or search.plan.alpha_rests:
            return None
        if accuracy <= search.records.get("best_accuracy", -1.0):
            return Outcome(figures={"best_epoch": search.records["best_epoch"]})
        return Outcome(
            records={"best_accuracy": accuracy, "best_epoch": search.epoch},
            figures={"best_epoch": search.epoch},
            final_alphas=search.copied_alphas(),
        )


@dataclass(frozen=True)
class StopAtSkips(Rule):
    """Stop once the derived cell holds too many skip connections (DARTS+, criterion 1).

    The rule looks only at the first kind of cells; in DARTS these are the normal cells. Epochs in which alpha rests are
    skipped. Paper: arXiv:1909.06035.

    Attributes:
        limit: number of skip connections that stops the search; 2 in the paper.
        keep: "stopping" reads the architecture from the epoch that reached the limit; "previous" reads it from the
            epoch before, or from the same epoch if there is none before.
    """

    limit: int = 2
    keep: Literal["stopping", "previous"] = "stopping"

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        if search.plan.alpha_rests or search.genotype is None:
            return None
        kind, cell = search.genotype.cells[0]
        count = sum(choice.op == "skip_connect" for choice in cell.choices)
        figures = {"skip_connections": count}
        if count >= self.limit:
            plan = search.plan.stopped(f"the {cell_name(kind)} holds {in_words(count, 'skip connection')}")
            return Outcome(figures=figures, plan=plan, final_alphas=search.records.get("alphas_before"))
        return Outcome({"alphas_before": search.copied_alphas()} if self.keep == "previous" else {}, figures)

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces without skip connections in the first kind of cells."""
        first = space.cell_kinds[0]
        if any("skip_connect" in space.ops_on(first, row) for row in range(len(space.cell.edges))):
            return ""
        return f"StopAtSkips counts skip connections, and the {cell_name(first)} of '{space.name}' has none"


@dataclass(frozen=True)
class StopAtStableRanking(Rule):
    """Stop once the ranking of the learnable operations has long stayed the same on every edge (DARTS+, criterion 2).

    The rule looks only at the first kind of cells; in DARTS these are the normal cells. An operation is learnable if it
    has weights at stride 1. Epochs in which alpha rests are skipped. Paper: arXiv:1909.06035.

    Attributes:
        fraction: the search stops when the ranking has not changed for this share of the stage's epochs; 10 of 50 in
            the paper.
    """

    fraction: float = 0.2

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        if search.plan.alpha_rests:
            return None
        kind, ranking = next(iter(search.architecture.cells)), _ranking(search)
        same = ranking == search.records.get("ranking")
        unchanged = search.records.get("ranking_unchanged", 0) + 1 if same else 0
        plan = None
        if unchanged >= max(1, round(self.fraction * search.stage_epochs)):
            plan = search.plan.stopped(
                f"the ranking of the {cell_name(kind)}'s learnable operations has not changed for "
                + in_words(unchanged, "epoch")
            )
        records = {"ranking": ranking, "ranking_unchanged": unchanged}
        return Outcome(records, {"ranking_unchanged": unchanged}, plan=plan)

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces without an edge that has two learnable operations."""
        kind = space.cell_kinds[0]
        if any(len(_learnable(space.ops_on(kind, row))) > 1 for row in range(len(space.cell.edges))):
            return ""
        return "StopAtStableRanking ranks learnable operations, and no edge has more than one"


def _ranking(search: SearchView) -> list[list[int]]:
    """For every edge of the first kind of cells the columns of its learnable operations, the largest alpha first."""
    kind, cell = next(iter(search.architecture.cells.items()))
    columns, live, alpha = _learnable(cell.ops), cell.live.tolist(), search.alphas[kind].tolist()
    return [
        sorted((column for column in columns if live[row][column]), key=lambda column, row=row: -alpha[row][column])  # type: ignore[misc]
        for row in range(len(live))
    ]


def _learnable(ops: Sequence[str]) -> list[int]:
    """Columns of the operations that have weights at stride 1."""
    norm = Norm(affine=False, running=False)
    return [column for column, name in enumerate(ops) if op_cost(name, 4, 1, norm, 1).parameters]
