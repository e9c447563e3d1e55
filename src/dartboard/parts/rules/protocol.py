"""The protocol of rules: a rule looks at a search before and after an epoch, and decides how the search goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from dartboard.parts.architecture import Architecture, Decisions
from dartboard.parts.dropping import Dropping
from dartboard.parts.gradient import Bilevel, Tensors
from dartboard.parts.hooks import StageHook
from dartboard.parts.leaving import Left
from dartboard.parts.scoring import Scorer
from dartboard.parts.trials import Trying
from dartboard.runs import DecisionMade
from dartboard.space import Genotype

__all__ = ["Advising", "EpochPlan", "GoingBack", "MovableSearch", "Outcome", "Rule", "SearchView"]


@dataclass(frozen=True)
class EpochPlan:
    """How an epoch is run; a setting that no rule changes keeps its value from the epoch before.

    Attributes:
        alpha_rests: whether alpha stays as it is.
        alpha_every: steps of the weights for every step of alpha.
        temperature: of relaxations that anneal.
        auxiliary_gate: gate of the auxiliary skip connections.
        dropping: what is dropped from batches at random.
        weight_decay: L2 factor of the weights.
        decisions: edges that are decided, and so are no longer searched.
        left: operations that have left the search; the others of their edges are still searched.
        extra_images: number of images that are added to the batches of weights and alpha.
        stop_reason: why the stage ends instead, as the end of a sentence; empty if the stage goes on.
    """

    alpha_rests: bool = False
    alpha_every: int = 1
    temperature: float = 1.0
    auxiliary_gate: float = 1.0
    dropping: Dropping = field(default_factory=Dropping)
    weight_decay: float = 0.0
    decisions: Decisions = field(default_factory=dict)
    left: Left = field(default_factory=Left)
    extra_images: int = 0
    stop_reason: str = ""

    def decided(self, kind: str, row: int, op: str | None) -> "EpochPlan":
        """The plan with one more edge decided.

        Args:
            kind: kind of the cells.
            row: row of the edge.
            op: the operation that the edge keeps, with the gate 1; None gives the edge up.
        """
        rows = {**self.decisions.get(kind, {}), row: op}
        return replace(self, decisions={**self.decisions, kind: rows})

    def stopped(self, reason: str) -> "EpochPlan":
        """The plan that ends the stage; the reason is the end of a sentence, and is recorded."""
        return replace(self, stop_reason=reason)


class SearchView(Protocol):
    """The parts of a search that a rule may read; a rule changes nothing here, but returns the changes it wants."""

    @property
    def epoch(self) -> int:
        """Number of epochs done, in all stages together."""
        ...

    @property
    def span(self) -> tuple[int, int]:
        """First epoch of the stage at hand, and the epoch after its last."""
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
        """The plan of the epoch at hand; after that epoch, the plan from which the next one is made."""
        ...

    @property
    def architecture(self) -> Architecture:
        """Turns alphas into gates."""
        ...

    @property
    def alphas(self) -> Tensors:
        """The alphas by name (see `Architecture`)."""
        ...

    @property
    def score(self) -> Scorer:
        """Scores any gates on the validation images, with the current weights."""
        ...

    @property
    def trials(self) -> Trying:
        """Tries any gates on the images of decisions, with the current weights."""
        ...

    @property
    def steps(self) -> int:
        """Weight steps planned for the epoch at hand."""
        ...

    @property
    def genotype(self) -> Genotype | None:
        """The genotype that the selection chooses after the epoch that has just ended."""
        ...

    @property
    def validation_accuracy(self) -> float | None:
        """The supernet's accuracy after that epoch, as a fraction; None if there are no validation images."""
        ...

    @property
    def problem(self) -> Bilevel | None:
        """The bilevel problem of the last alpha step of that epoch; None while alpha rests.

        Where the method never moves alpha by a gradient, it is that of a further alpha batch, for rules that need one.
        """
        ...

    @property
    def records(self) -> Mapping[str, Any]:
        """The values that rules have stored, by names that the rules choose."""
        ...

    @property
    def hooks(self) -> Sequence[StageHook]:
        """What parts of the recipe, and rules among them, have hung on the loop."""
        ...

    @property
    def figures(self) -> Mapping[str, float]:
        """The numbers that rules have measured in this epoch, by name."""
        ...

    def tell(self, decision: DecisionMade) -> None:
        """Record a decision in the run as it happens; the search itself stays as it is."""
        ...

    def generator(self, purpose: str) -> torch.Generator:
        """A random number generator on the CPU, for this purpose and the epoch at hand."""
        ...

    def copied_alphas(self) -> dict[str, Tensor]:
        """A copy of the current alphas, for rules that keep them."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """The whole state of the search, for rules that may go back to it; the tensors are not copied."""
        ...


class MovableSearch(SearchView, Protocol):
    """A search as a rule sees it after the weight steps of an epoch: the rule may now move the alphas."""

    def move_alphas(self, gradients: Tensors) -> None:
        """Take one step of the recipe's update with these gradients, which go by the names of the alphas."""
        ...

    def count_trials(self, seconds: float) -> None:
        """Count seconds as time for trials, which is planned beside that of the steps."""
        ...


class GoingBack(NamedTuple):
    """The return to an earlier state of the stage at hand; the loop forgets the epochs undone.

    Attributes:
        saved: the earlier state, from `state_dict`; it is not changed.
        reason: why the search goes back, as the end of a sentence.
        decay_factor: multiplies the weight decay that the weights had in that state.
    """

    saved: Mapping[str, Any]
    reason: str
    decay_factor: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """The answer of a rule to an epoch that has ended.

    Each rule's outcome takes effect before the next rule is asked. Entries of `records` and `figures` replace entries
    of the same name; `plan` and `final_alphas` replace the earlier plan and final alphas.

    Attributes:
        records: values to remember, by names that the rule chooses; checkpoints hold them.
        figures: measured numbers, for the event of the epoch.
        final_alphas: alphas that pruning and selection use instead of those of the last epoch; None: no change.
        plan: how the search goes on, made from `SearchView.plan`; None: no change.
        back: the state to go back to. It replaces everything else, and no further rule is asked.
    """

    records: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    final_alphas: Mapping[str, Tensor] | None = None
    plan: EpochPlan | None = None
    back: GoingBack | None = None


@runtime_checkable
class Advising(Protocol):
    """A part of a recipe, such as a rule, that has something to say before a stage begins."""

    def advice(self, search: SearchView) -> Sequence[str]:
        """Sentences that a user should read before the first epoch of a stage."""
        ...


class Rule:
    """A rule that does nothing. Rules override one method or more, and hold no state: the search's records hold it.

    Attributes:
        moves_alpha: whether the rule moves alpha, by `MovableSearch.move_alphas`; the recipe then needs an update.
        ignores_labels: whether the rule decides which operations are found, and no label has a say in it.
        needs_problem: whether the rule looks at `SearchView.problem`, also where no step of alpha makes one.
    """

    moves_alpha: ClassVar[bool] = False
    ignores_labels: ClassVar[bool] = False
    needs_problem: ClassVar[bool] = False

    def count_trials(self, architecture: Architecture) -> int:  # noqa: ARG002 - for rules that try
        """How often the rule will try the supernet without a part, on the images of decisions, in a whole stage."""
        return 0

    def count_decisions(self, architecture: Architecture) -> int:  # noqa: ARG002 - for rules that try
        """How many decisions of a whole stage rest on these trials; each also looks at the untouched supernet."""
        return 0

    def scored_images(self, architecture: Architecture) -> int:  # noqa: ARG002 - for rules that score
        """On how many images the rule runs the supernet in a whole stage, at most, beside the trials of decisions."""
        return 0

    def least_steps(self, search: SearchView) -> int:  # noqa: ARG002 - for rules that need some
        """Weight steps that the epoch at hand must have at least, so that the rule can act as it should."""
        return 0

    def advice(self, search: SearchView) -> Sequence[str]:  # noqa: ARG002 - for rules that have something to say
        """Sentences that a user should read before the first epoch of a stage."""
        return ()

    def before_step(self, search: SearchView, plan: EpochPlan, step: int) -> EpochPlan:  # noqa: ARG002 - as before_epoch
        """The plan of the rest of the epoch; called before every weight step of an epoch but its first.

        Args:
            search: the search, whose weights have taken `step` steps in this epoch.
            plan: the plan at hand, with the changes of the rules before this one.
            step: number of weight steps taken in this epoch.
        """
        return plan

    def resting_epochs(self, epochs: int) -> int | None:  # noqa: ARG002 - for rules that let alpha rest
        """With how many epochs, in which alpha rests, a stage of so many begins; None where the rule has no say."""
        return None

    def alpha_steps(self, steps: int) -> int:
        """How many steps of alpha the rule leaves in an epoch of so many weight steps."""
        return steps

    def idle_in(self, epochs: int) -> str:  # noqa: ARG002 - for rules that need time
        """Why the rule cannot do what it is for in a stage of so many epochs, as a sentence; empty if it can."""
        return ""

    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:  # noqa: ARG002 - for rules that look
        """The plan of the next epoch.

        Args:
            search: the search as the epoch before has left it.
            plan: the plan of the epoch before, with the changes of the rules before this one.
        """
        return plan

    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:  # noqa: ARG002 - for rules that look
        """Called when the weights have taken the steps of an epoch, before the supernet is validated.

        Args:
            search: `search.epoch` is the number of epochs done before this one.
            steps: number of weight steps taken.
        """
        return None

    def after_epoch(self, search: SearchView) -> Outcome | None:  # noqa: ARG002 - for rules that look
        """Called after every epoch, before it is recorded and saved; `search.epoch` is the number of epochs done."""
        return None
