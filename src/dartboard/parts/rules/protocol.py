"""What a rule is: it looks at a search around an epoch, and says how the search is to go on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from dartboard.parts.architecture import Architecture, Decisions
from dartboard.parts.dropping import Dropping
from dartboard.parts.gradient import Bilevel, Tensors
from dartboard.parts.scoring import Scorer
from dartboard.space import Genotype

__all__ = ["EpochPlan", "GoingBack", "MovableSearch", "Outcome", "Rule", "SearchView"]


@dataclass(frozen=True)
class EpochPlan:
    """How an epoch is run; what no rule changes is as in the epoch before.

    Attributes:
        alpha_rests: whether alpha stays as it is.
        alpha_every: steps of the weights for one of alpha.
        temperature: of relaxations that anneal.
        auxiliary_gate: of auxiliary skip connections.
        dropping: what batches lose at random.
        weight_decay: L2 factor of the weights.
        decisions: edges that search no longer.
        extra_images: by how many images the batches of weights and alpha are enlarged.
        stop_reason: why the stage ends instead, as the end of a sentence; empty where it goes on.
    """

    alpha_rests: bool = False
    alpha_every: int = 1
    temperature: float = 1.0
    auxiliary_gate: float = 1.0
    dropping: Dropping = field(default_factory=Dropping)
    weight_decay: float = 0.0
    decisions: Decisions = field(default_factory=dict)
    extra_images: int = 0
    stop_reason: str = ""

    def decided(self, kind: str, row: int, op: str | None) -> "EpochPlan":
        """The plan in which an edge searches no longer.

        Args:
            kind: of the cells.
            row: of the edge.
            op: the operation that it has from here on, with the gate 1; None gives the edge up.
        """
        rows = {**self.decisions.get(kind, {}), row: op}
        return replace(self, decisions={**self.decisions, kind: rows})

    def stopped(self, reason: str) -> "EpochPlan":
        """The plan by which the stage ends; the reason is the end of a sentence, and is recorded."""
        return replace(self, stop_reason=reason)


class SearchView(Protocol):
    """What a rule may look at; it changes nothing here, but returns what is to change."""

    @property
    def epoch(self) -> int:
        """Epochs done, in all stages."""
        ...

    @property
    def span(self) -> tuple[int, int]:
        """First and last epoch of the stage at hand, the last excluded."""
        ...

    @property
    def stage_epoch(self) -> int:
        """Epochs done in the stage at hand."""
        ...

    @property
    def stage_epochs(self) -> int:
        """Epochs planned for the stage at hand."""
        ...

    @property
    def progress(self) -> float:
        """Share of the stage's epochs that are done."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the stage at hand is over."""
        ...

    @property
    def plan(self) -> EpochPlan:
        """How the epoch at hand is run; after it, what the next one starts from."""
        ...

    @property
    def architecture(self) -> Architecture:
        """Turns alphas into gates."""
        ...

    @property
    def alphas(self) -> Tensors:
        """By name (see `Architecture`)."""
        ...

    @property
    def score(self) -> Scorer:
        """Says what any gates are worth with the weights as they are."""
        ...

    @property
    def genotype(self) -> Genotype | None:
        """What the selection makes of the alphas after the epoch that has just ended."""
        ...

    @property
    def validation_accuracy(self) -> float | None:
        """The supernet's after that epoch, as a fraction; None where there are no such images."""
        ...

    @property
    def problem(self) -> Bilevel | None:
        """That of the last alpha step of that epoch; None while alpha rests."""
        ...

    @property
    def records(self) -> Mapping[str, Any]:
        """What rules have remembered, by names of their own."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """What rules have measured in this epoch."""
        ...

    def generator(self, purpose: str) -> torch.Generator:
        """A generator of random numbers for a purpose and the epoch at hand, on the CPU."""
        ...

    def copied_alphas(self) -> dict[str, Tensor]:
        """The alphas as they are now, for rules that keep them."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """The whole state, for rules that may go back to it; its tensors are not copied."""
        ...


class MovableSearch(SearchView, Protocol):
    """A search whose alphas a rule may move, once the weights have taken the steps of an epoch."""

    def move_alphas(self, gradients: Tensors) -> None:
        """One step of the recipe's update down these gradients, by the names of the alphas."""
        ...


class GoingBack(NamedTuple):
    """The return to an earlier state of the stage at hand; the loop forgets the epochs undone.

    Attributes:
        saved: what `state_dict` gave then; it stays as it is.
        reason: the end of a sentence about why.
        decay_factor: multiplies the weight decay that the weights had then.
    """

    saved: Mapping[str, Any]
    reason: str
    decay_factor: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a rule makes of an epoch that has ended.

    Several rules' outcomes take effect one after the other, before the next rule is asked: entries of `records` and
    `figures` replace those of the same name, `plan` and `final_alphas` what was there before.

    Attributes:
        records: what is to be remembered, by names of the rule's own; checkpoints hold it.
        figures: what was measured, for the event of the epoch.
        final_alphas: what pruning and selection look at instead of the alphas of the last epoch; None: as before.
        plan: how the search goes on, made from `SearchView.plan`; None: as before.
        back: the state to go back to, which replaces everything else; no further rule is asked.
    """

    records: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    final_alphas: Mapping[str, Tensor] | None = None
    plan: EpochPlan | None = None
    back: GoingBack | None = None


class Rule:
    """Does nothing; rules override one method or more, and keep nothing themselves.

    Attributes:
        moves_alpha: whether it moves alpha, by `MovableSearch.move_alphas`; the recipe then has an update.
    """

    moves_alpha: ClassVar[bool] = False

    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:  # noqa: ARG002 - for rules that look
        """How the next epoch is run.

        Args:
            search: after the epoch before.
            plan: that of the epoch before, with what the rules before this one have changed.
        """
        return plan

    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:  # noqa: ARG002 - for rules that look
        """Called when the weights have taken the steps of an epoch, before the supernet is validated.

        Args:
            search: `search.epoch` is the number of epochs done before this one.
            steps: how many were taken.
        """
        return None

    def after_epoch(self, search: SearchView) -> Outcome | None:  # noqa: ARG002 - for rules that look
        """Called after every epoch, before it is recorded and saved; `search.epoch` is the number of epochs done."""
        return None
