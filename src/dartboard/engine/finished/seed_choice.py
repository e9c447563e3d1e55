"""Which of several searches to believe."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dartboard.registry import Registry
from dartboard.space import Genotype
from dartboard.wording import cell_name

__all__ = ["CHOICE_RULES", "ChoiceRule", "SeedChoice", "SeedOutcome", "choice_rule"]


class SeedOutcome(NamedTuple):
    """The outcome of a search with one seed.

    Attributes:
        seed: of the search.
        genotype: what it found.
        supernet_accuracy: on validation images, in the best epoch of the last stage and after the last decision of the
            search; None where no epoch was scored.
        short_train_accuracy: on validation images, of the network trained from scratch for a short time; None where
            it was not trained.
    """

    seed: int
    genotype: Genotype
    supernet_accuracy: float | None
    short_train_accuracy: float | None = None


@dataclass(frozen=True)
class SeedChoice:
    """Which search was chosen.

    Attributes:
        chosen: the search.
        rejected: seed -> why its search was not to be taken.
        rule_violated: whether every search was rejected, so that the best of all had to be taken.
    """

    chosen: SeedOutcome
    rejected: Mapping[int, str]
    rule_violated: bool


def _reject_none(_genotype: Genotype) -> str:
    """Nothing speaks against any genotype."""
    return ""


@dataclass(frozen=True)
class ChoiceRule:
    """How one of several searches is chosen; accuracies on test images play no part in any.

    Attributes:
        short_train: whether the cells found are trained from scratch and compared by that; else by their supernets.
        reject: why a genotype is not to be taken, as the end of a sentence; empty where it may be.
    """

    short_train: bool = False
    reject: Callable[[Genotype], str] = _reject_none

    def score(self, outcome: SeedOutcome) -> float | None:
        """The accuracy that decides; None where it was not measured."""
        return outcome.short_train_accuracy if self.short_train else outcome.supernet_accuracy

    def __call__(self, outcomes: Sequence[SeedOutcome]) -> SeedChoice:
        """The search with the highest score among those that are not rejected; among equals, the lowest seed.

        Where all are rejected, the best of all is taken, and that is said.

        Args:
            outcomes: at least one, of different seeds.
        """
        reasons = {outcome.seed: self.reject(outcome.genotype) for outcome in outcomes}
        rejected = {seed: reason for seed, reason in reasons.items() if reason}
        kept = [outcome for outcome in outcomes if outcome.seed not in rejected]
        return SeedChoice(min(kept or outcomes, key=self._rank), rejected, not kept)

    def _rank(self, outcome: SeedOutcome) -> tuple[float, int]:
        score = self.score(outcome)
        return float("inf") if score is None else -score, outcome.seed


CHOICE_RULES: Registry[Callable[[], ChoiceRule]] = Registry("choice rule", "dartboard.choice_rules")


def choice_rule(name: str, *, paper: str = "") -> Callable[[Callable[[], ChoiceRule]], Callable[[], ChoiceRule]]:
    """Register the decorated function as the choice rule `name`."""

    def register(factory: Callable[[], ChoiceRule]) -> Callable[[], ChoiceRule]:
        CHOICE_RULES.add(name, factory, paper=paper)
        return factory

    return register


@choice_rule("best-supernet", paper="HyperDARTS (thesis), for DARTS")
def best_supernet() -> ChoiceRule:
    """The search whose supernet had the highest validation accuracy in any epoch.

    Of a search in stages, or one that decides edges, only epochs of the last stage and after the last decision count.
    """
    return ChoiceRule()


@choice_rule("hyperdarts-rule", paper="HyperDARTS (thesis)")
def hyperdarts_rule() -> ChoiceRule:
    """The best supernet among the searches whose normal cell has a skip connection.

    In spaces of one kind of cells that kind counts. The thesis searches with the seeds 2, 20, 200 and 2000, and again
    with fewer epochs where no search kept a skip connection.
    """
    return ChoiceRule(reject=_without_skips)


@choice_rule("best-short-train", paper="arXiv:1806.09055")
def best_short_train() -> ChoiceRule:
    """The search whose cell, trained from scratch for a short time, has the highest validation accuracy."""
    return ChoiceRule(short_train=True)


def _without_skips(genotype: Genotype) -> str:
    kind, cell = genotype.cells[0]
    if any(choice.op == "skip_connect" for choice in cell.choices):
        return ""
    return f"its {cell_name(kind)} has no skip_connect"
