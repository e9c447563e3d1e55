"""When a search had better stop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dartboard.parts.rules.protocol import Rule
from dartboard.space import Norm, SearchSpace
from dartboard.space.ops import op_cost

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["StopAtSkips", "StopAtStableRanking"]


@dataclass(frozen=True)
class StopAtSkips(Rule):
    """Stop once the derived cell holds too many skip connections (DARTS+, criterion 1).

    Only the first kind of cells counts, in DARTS the normal ones. Epochs in which alpha rests are not looked at.
    Paper: arXiv:1909.06035.

    Attributes:
        limit: so many skip connections stop the search; 2 in the paper.
        keep: "stopping" reads the architecture from the epoch that reached the limit, "previous" from the one before
            (where there is none, from the same).
    """

    limit: int = 2
    keep: Literal["stopping", "previous"] = "stopping"

    def after_epoch(self, state: "SearchState") -> None:
        """Count, and stop or go on."""
        if state.alpha_rests or state.genotype is None:
            return
        kind, cell = state.genotype.cells[0]
        count = sum(choice.op == "skip_connect" for choice in cell.choices)
        state.figures["skip_connections"] = count
        if count >= self.limit:
            state.stop(f"the {kind} cell holds {count} skip connections", state.records.get("alphas_before"))
        elif self.keep == "previous":
            state.records["alphas_before"] = state.copied_alphas()

    def refuse(self, space: SearchSpace) -> str:
        """There must be skip connections to count."""
        if "skip_connect" in space.ops:
            return ""
        return f"StopAtSkips counts skip connections, and '{space.name}' has none"


@dataclass(frozen=True)
class StopAtStableRanking(Rule):
    """Stop once the ranking of the learnable operations has long stayed the same on every edge (DARTS+, criterion 2).

    Only the first kind of cells counts, in DARTS the normal ones. Learnable is what has weights at stride 1. Epochs in
    which alpha rests are not looked at. Paper: arXiv:1909.06035.

    Attributes:
        fraction: share of the stage's epochs that the ranking must not have changed; 10 of 50 in the paper.
    """

    fraction: float = 0.2

    def after_epoch(self, state: "SearchState") -> None:
        """Compare with the epoch before, and stop or go on."""
        if state.alpha_rests:
            return
        kind, ranking = next(iter(state.architecture.cells)), _ranking(state)
        same = ranking == state.records.get("ranking")
        unchanged = state.records.get("ranking_unchanged", 0) + 1 if same else 0
        state.records |= {"ranking": ranking, "ranking_unchanged": unchanged}
        state.figures["ranking_unchanged"] = unchanged
        if unchanged >= max(1, round(self.fraction * state.stage_epochs)):
            state.stop(f"the ranking of the {kind} cell's learnable operations is the same for {unchanged} epochs")

    def refuse(self, space: SearchSpace) -> str:
        """There must be something to rank."""
        kind = space.cell_kinds[0]
        if any(len(_learnable(space.ops_on(kind, row))) > 1 for row in range(len(space.cell.edges))):
            return ""
        return "StopAtStableRanking ranks learnable operations, and no edge has more than one"


def _ranking(state: "SearchState") -> list[list[int]]:
    """For every edge the columns of its learnable operations, the largest alpha first."""
    kind, cell = next(iter(state.architecture.cells.items()))
    columns, live, alpha = _learnable(cell.ops), cell.live.tolist(), state.alphas[kind].tolist()
    return [
        sorted((column for column in columns if live[row][column]), key=lambda column, row=row: -alpha[row][column])  # type: ignore[misc]
        for row in range(len(live))
    ]


def _learnable(ops: Sequence[str]) -> list[int]:
    """Columns of the operations that have weights at stride 1."""
    norm = Norm(affine=False, running=False)
    return [column for column, name in enumerate(ops) if op_cost(name, 4, 1, norm, 1).parameters]
