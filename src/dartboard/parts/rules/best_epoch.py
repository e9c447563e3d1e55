"""Which epoch's alphas count."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dartboard.parts.rules.protocol import Rule

if TYPE_CHECKING:
    from dartboard.engine.state import SearchState

__all__ = ["BestEpoch"]


@dataclass(frozen=True)
class BestEpoch(Rule):
    """Read the architecture from the epoch with the best validation accuracy of the supernet; the search goes on.

    Among equals the first; epochs in which alpha rests do not count, nor do epochs without validation images. Source:
    the bilevel search of GAEA, arXiv:2004.07802.
    """

    def after_epoch(self, state: "SearchState") -> None:
        """Keep the alphas if none were better."""
        accuracy = state.validation_accuracy
        if accuracy is None or state.alpha_rests:
            return
        if accuracy > state.records.get("best_accuracy", -1.0):
            state.records |= {"best_accuracy": accuracy, "best_epoch": state.epoch}
            state.final_alphas = state.copied_alphas()
        state.figures["best_epoch"] = state.records["best_epoch"]
