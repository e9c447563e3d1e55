"""All that a search must remember from one epoch to the next."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.parts.architecture import Architecture, Live, StepGates
from dartboard.parts.gradient import Bilevel, Tensors
from dartboard.parts.hooks import StageHook
from dartboard.parts.hypernetworks import WeightGenerator, learned_weights, supernet_weights
from dartboard.parts.leaving import Left
from dartboard.parts.rules import EpochPlan, GoingBack, Outcome, Rule
from dartboard.parts.scoring import Scorer
from dartboard.parts.trials import NO_TRIALS, Trying
from dartboard.parts.update import Update
from dartboard.runs import DecisionMade, Score, make_generator
from dartboard.space import Genotype, current_name

__all__ = ["SearchState", "brought_up_to_date"]


@dataclass
class SearchState:
    """The moving parts of a search. Rules look at it (`SearchView`), and it takes up what they return.

    Random streams are not here: each epoch derives its own from the seed (`generator`).

    Attributes:
        supernet: of the stage at hand; called as supernet(images, gates).
        architecture: which alphas there are and what gates they give, by the plan of the epoch.
        alphas: leaf tensors by name (see `Architecture`).
        weight_optimizer: moves the weights.
        alpha_optimizer: moves the alphas; None when the method does not.
        epochs: epochs planned, in all stages.
        span: first and last epoch of the stage at hand, the last excluded.
        live: operations of every edge of the supernet.
        score: what any gates are worth with the weights as they are.
        trials: tries any gates on the images of decisions.
        hypernetwork: makes the weights of candidate operations from the alphas; None where they learn on their own.
        hooks: what parts of the recipe have hung on the loop.
        stage: number of the stage at hand.
        epoch: epochs done, in all stages.
        final_alphas: what pruning and selection look at instead of the alphas of the last epoch, once a rule says so.
        rollbacks: every return to an earlier state: `from` which epoch to which `epoch`, and the `reason`.
        records: what rules must remember, by names of their own.
        figures: what rules measured in this epoch, for the event of the epoch.
        genotype: what the selection makes of the alphas after this epoch.
        validation_accuracy: of the supernet after this epoch, as a fraction; None where there are no such images.
        steps: weight steps planned for the epoch at hand.
        on_decision: hears of every decision as it happens.
        deciding_seconds: what the decisions of the epoch at hand have taken so far.
        problem: that of the last alpha step of this epoch, at whose weights and batches rules may look; None while
            alpha rests.
        update: how alpha moves; None when the method does not move it.
        seed: root of every random stream.
        goes_on: whether the supernet comes from a search that has ended, whose schedules stay where they ended.
        plan: how the epoch at hand is run (`follow` sets it).
        weights: what the weight optimiser moves, by name: the supernet's own weights and those of the hypernetwork.
    """

    supernet: nn.Module
    architecture: Architecture
    alphas: dict[str, Tensor]
    weight_optimizer: torch.optim.SGD
    alpha_optimizer: torch.optim.Optimizer | None
    epochs: int
    span: tuple[int, int]
    live: Live
    score: Scorer
    trials: Trying = NO_TRIALS
    hypernetwork: WeightGenerator | None = None
    hooks: tuple[StageHook, ...] = ()
    stage: int = 0
    epoch: int = 0
    final_alphas: dict[str, Tensor] | None = None
    rollbacks: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    genotype: Genotype | None = None
    validation_accuracy: float | None = None
    steps: int = 1
    on_decision: Callable[[DecisionMade], None] = field(default_factory=lambda: lambda _decision: None)
    deciding_seconds: float = 0.0
    problem: Bilevel | None = None
    update: Update | None = None
    seed: int = 0
    goes_on: bool = False
    plan: EpochPlan = field(init=False)
    weights: dict[str, nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = learned_weights(self.supernet, self.hypernetwork)
        self.plan = EpochPlan(weight_decay=self.weight_optimizer.param_groups[0]["weight_decay"])

    @property
    def stage_epoch(self) -> int:
        """Epochs done in the stage at hand."""
        return self.epoch - self.span[0]

    @property
    def stage_epochs(self) -> int:
        """Epochs planned for the stage at hand."""
        return self.span[1] - self.span[0]

    @property
    def progress(self) -> float:
        """Share of the stage's epochs that are done; 1 throughout where the search had ended before."""
        return 1.0 if self.goes_on else self.stage_epoch / max(1, self.stage_epochs)

    @property
    def has_ended(self) -> bool:
        """Whether the stage at hand is over."""
        return self.epoch >= self.span[1] or bool(self.plan.stop_reason)

    def plan_epoch(self, rules: Sequence[Rule]) -> None:
        """Let the rules change the plan of the last epoch, one after the other, and follow the result."""
        plan = self.plan
        for rule in rules:
            plan = rule.before_epoch(self, plan)
        self.follow(plan)

    def plan_step(self, rules: Sequence[Rule], step: int) -> bool:
        """Let the rules change the plan within an epoch, after so many weight steps; returns whether they did."""
        plan = self.plan
        for rule in rules:
            plan = rule.before_step(self, plan, step)
        if plan is self.plan:
            return False
        self.follow(plan)
        return True

    def tell(self, decision: DecisionMade) -> None:
        """Hand a decision on to whoever records it."""
        self.deciding_seconds += decision.seconds
        self.on_decision(decision)

    def count_trials(self, seconds: float) -> None:
        """Count seconds as those of decisions, which do not shorten the learning."""
        self.deciding_seconds += seconds

    def follow(self, plan: EpochPlan) -> None:
        """Bring architecture and optimiser up to a plan."""
        self.plan = plan
        self.architecture = self.architecture.at(plan.temperature, plan.auxiliary_gate, plan.decisions, plan.left)
        for group in self.weight_optimizer.param_groups:
            group["weight_decay"] = plan.weight_decay

    def end_epoch(self, rules: Sequence[Rule]) -> None:
        """Apply what the rules return after an epoch; once a rule goes back, no further rule is asked."""
        done = self.epoch
        for rule in rules:
            if self.epoch == done:
                self.take(rule.after_epoch(self))

    def take(self, outcome: Outcome | None) -> None:
        """Apply what a rule returned."""
        if outcome is None:
            return
        if outcome.back:
            self._go_back(outcome.back)
            return
        self.records |= outcome.records
        self.figures |= outcome.figures
        if outcome.final_alphas is not None:
            self.final_alphas = dict(outcome.final_alphas)
        if outcome.plan is not None:
            self.follow(outcome.plan)

    def _go_back(self, back: GoingBack) -> None:
        rollbacks = [*self.rollbacks, {"from": self.epoch, "epoch": back.saved["epoch"], "reason": back.reason}]
        self.load_state_dict(copy.deepcopy(dict(back.saved)))
        self.rollbacks = rollbacks
        self.follow(replace(self.plan, weight_decay=self.plan.weight_decay * back.decay_factor))

    def generator(self, purpose: str) -> torch.Generator:
        """A generator of random numbers for a purpose and the epoch at hand, on the CPU."""
        return make_generator(self.seed, "search", purpose, self.epoch)

    def score_mixture(self, gates: Mapping[str, Tensor]) -> Score | None:
        """The score of deterministic gates, such as `Architecture.mean_gates`; None without validation images."""
        return self.score(StepGates(dict(gates), self.architecture.active))

    def move_alphas(self, gradients: Tensors) -> None:
        """One step of the recipe's update down these gradients, by the names of the alphas.

        Neither decay nor the momentum from before moves the alpha of an edge that is decided.
        """
        optimizer, update = self.alpha_optimizer, self.update
        assert optimizer is not None
        assert update is not None
        for name, alpha in self.alphas.items():
            alpha.grad = gradients[name]
        if update.grad_clip is not None:
            nn.utils.clip_grad_norm_(self.alphas.values(), update.grad_clip)
        resting = self.architecture.resting(self.alphas)
        before = {kind: self.alphas[kind].detach().clone() for kind in resting}
        optimizer.step()
        with torch.no_grad():
            for kind, mask in resting.items():
                self.alphas[kind].copy_(torch.where(mask, before[kind], self.alphas[kind]))

    def supernet_weights(self, weights: Tensors, alphas: Tensors) -> Tensors:
        """The supernet's weights at a value of `self.weights` and of the alphas, differentiable for both."""
        return supernet_weights(self.hypernetwork, weights, alphas)

    @torch.no_grad()
    def write_generated(self) -> None:
        """Write the weights that the hypernetwork makes into the supernet, so that it can be called directly."""
        if self.hypernetwork:
            for name, weight in self.hypernetwork(self.alphas).items():
                self.supernet.get_parameter(name).copy_(weight)

    def copied_alphas(self) -> dict[str, Tensor]:
        """The alphas as they are now, for rules that keep them."""
        return {name: alpha.detach().clone() for name, alpha in self.alphas.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything a checkpoint must hold."""
        further: dict[str, Any] = {"hypernetwork": self.hypernetwork.state_dict()} if self.hypernetwork else {}
        for hook in self.hooks:
            further |= hook.state_dict()
        return further | {
            "supernet": self.supernet.state_dict(),
            "alphas": {name: alpha.detach() for name, alpha in self.alphas.items()},
            "weight_optimizer": self.weight_optimizer.state_dict(),
            "alpha_optimizer": self.alpha_optimizer.state_dict() if self.alpha_optimizer else None,
            "stage": self.stage,
            "live": {kind: [list(names) for names in edges] for kind, edges in self.live.items()},
            "epoch": self.epoch,
            "stop_reason": self.plan.stop_reason,
            "final_alphas": self.final_alphas,
            "rollbacks": self.rollbacks,
            "decisions": {kind: dict(rows) for kind, rows in self.plan.decisions.items()},
            "left": self.plan.left.to_json(),
            "records": self.records,
            "temperature": self.plan.temperature,
            "auxiliary_gate": self.plan.auxiliary_gate,
            "extra_images": self.plan.extra_images,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Restore what `state_dict` gave; the stage and its live operations must be those of this state."""
        self.supernet.load_state_dict(saved["supernet"])
        if self.hypernetwork:
            self.hypernetwork.load_state_dict(saved["hypernetwork"])
        for hook in self.hooks:
            hook.load_state_dict(saved)
        with torch.no_grad():
            for name, alpha in self.alphas.items():
                alpha.copy_(saved["alphas"][name])
        self.weight_optimizer.load_state_dict(saved["weight_optimizer"])
        if self.alpha_optimizer:
            self.alpha_optimizer.load_state_dict(_as_run_here(saved["alpha_optimizer"], self.alpha_optimizer))
        self.epoch = saved["epoch"]
        self.final_alphas = saved["final_alphas"]
        self.rollbacks, self.records = saved["rollbacks"], saved["records"]
        planned = ("stop_reason", "decisions", "temperature", "auxiliary_gate", "extra_images")
        decay = self.weight_optimizer.param_groups[0]["weight_decay"]
        left = Left.of_json(saved["left"]) if "left" in saved else Left()
        self.follow(replace(self.plan, **{name: saved[name] for name in planned}, weight_decay=decay, left=left))


def brought_up_to_date(saved: Mapping[str, Any], space: str) -> dict[str, Any]:
    """The saved state of a search, with the names that operations of the space have now.

    Args:
        saved: from `SearchState.state_dict`, perhaps of an earlier version.
        space: name of the space.
    """
    live = {kind: [[current_name(space, op) for op in ops] for ops in edges] for kind, edges in saved["live"].items()}
    decisions = {
        kind: {row: op and current_name(space, op) for row, op in rows.items()}
        for kind, rows in saved["decisions"].items()
    }
    return {**saved, "live": live, "decisions": decisions}


def _as_run_here(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The saved state of an optimiser, perhaps from another device, with the flags that this device needs."""
    groups = [
        {key: own.get(key, value) if key == "capturable" else value for key, value in group.items()}
        for group, own in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    return {**saved, "param_groups": groups}
