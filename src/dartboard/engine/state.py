"""All that a search must remember from one epoch to the next."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.parts.architecture import Architecture, Live, StepGates
from dartboard.parts.companions import CompanionNetwork
from dartboard.parts.dropping import Dropping
from dartboard.parts.gradient import Bilevel, Tensors
from dartboard.parts.hypernetworks import WeightGenerator, learned_weights, supernet_weights
from dartboard.parts.scoring import Scorer
from dartboard.parts.update import Update
from dartboard.runs import Score, make_generator
from dartboard.space import Genotype

__all__ = ["SearchState"]


@dataclass
class SearchState:
    """The moving parts of a search, as rules see and change them.

    Random streams are not here: each epoch derives its own from the seed (`generator`).

    Attributes:
        supernet: of the stage at hand; called as supernet(images, gates).
        architecture: which alphas there are and what gates they give.
        alphas: leaf tensors by name (see `Architecture`).
        weight_optimizer: moves the weights.
        alpha_optimizer: moves the alphas; None when the method does not.
        epochs: epochs planned, in all stages.
        span: first and last epoch of the stage at hand, the last excluded.
        live: operations of every edge of the supernet.
        hypernetwork: makes the weights of candidate operations from the alphas; None where they learn on their own.
        companion: the second network, where the recipe has one.
        companion_optimizer: moves it.
        companion_gates: what it runs in the epoch at hand.
        stage: number of the stage at hand.
        epoch: epochs done, in all stages.
        alpha_rests: whether the epoch at hand leaves alpha as it is; rules set it before every epoch.
        alpha_every: steps of the weights for one of alpha; rules set it before every epoch.
        temperature: of relaxations that anneal; rules set it before every epoch.
        auxiliary_gate: of auxiliary skip connections; rules set it before every epoch.
        dropping: what the batches of the epoch at hand lose at random; rules set it before every epoch.
        stop_reason: why the stage ended before its last epoch; empty while it goes on.
        final_alphas: what pruning and selection look at instead of the alphas of the last epoch, once a rule says so.
        rollbacks: every return to an earlier state: `from` which epoch to which `epoch`, and the `reason`.
        decisions: edges that search no longer; `decide` adds to them.
        records: what rules must remember, by names of their own.
        figures: what rules measured in this epoch, for the event of the epoch.
        genotype: what the selection makes of the alphas after this epoch.
        validation_accuracy: of the supernet after this epoch, as a fraction; None where there are no such images.
        problem: that of the last alpha step of this epoch, at whose weights and batches rules may look; None while
            alpha rests.
        score: what any gates are worth with the weights as they are.
        update: how alpha moves; None when the method does not move it.
        seed: root of every random stream.
        extra_images: by how many images rules have enlarged the batches of weights and alpha.
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
    hypernetwork: WeightGenerator | None = None
    companion: CompanionNetwork | None = None
    companion_optimizer: torch.optim.SGD | None = None
    companion_gates: StepGates | None = None
    stage: int = 0
    epoch: int = 0
    alpha_rests: bool = False
    alpha_every: int = 1
    temperature: float = 1.0
    auxiliary_gate: float = 1.0
    dropping: Dropping = field(default_factory=Dropping)
    stop_reason: str = ""
    final_alphas: dict[str, Tensor] | None = None
    rollbacks: list[dict[str, Any]] = field(default_factory=list)
    decisions: dict[str, dict[int, str | None]] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    genotype: Genotype | None = None
    validation_accuracy: float | None = None
    problem: Bilevel | None = None
    update: Update | None = None
    seed: int = 0
    extra_images: int = 0
    weights: dict[str, nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = learned_weights(self.supernet, self.hypernetwork)

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
        """Share of the stage's epochs that are done."""
        return self.stage_epoch / max(1, self.stage_epochs)

    @property
    def has_ended(self) -> bool:
        """Whether the stage at hand is over."""
        return self.epoch >= self.span[1] or bool(self.stop_reason)

    def stop(self, reason: str, alphas: Mapping[str, Tensor] | None = None) -> None:
        """End the stage after the current hook; the reason is recorded.

        Args:
            reason: the end of a sentence about why.
            alphas: what the architecture is read from instead of the alphas of the last epoch.
        """
        self.stop_reason = reason
        if alphas is not None:
            self.final_alphas = dict(alphas)

    def decide(self, kind: str, row: int, op: str | None) -> None:
        """End the search of an edge for good.

        Args:
            kind: of the cells.
            row: of the edge.
            op: the operation that it has from here on, with the gate 1; None gives the edge up.
        """
        self.decisions.setdefault(kind, {})[row] = op
        self.refresh()

    def generator(self, purpose: str) -> torch.Generator:
        """A generator of random numbers for a purpose and the epoch at hand, on the CPU."""
        return make_generator(self.seed, "search", purpose, self.epoch)

    def score_mixture(self, gates: Mapping[str, Tensor]) -> Score | None:
        """What deterministic gates, such as `Architecture.mean_gates`, are worth; None without validation images."""
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

    def refresh(self) -> None:
        """Bring the architecture up to what rules have set."""
        self.architecture = self.architecture.at(self.temperature, self.auxiliary_gate, self.decisions)

    def go_back(self, saved: dict[str, Any], reason: str) -> None:
        """Take over an earlier state of the stage at hand after an epoch; the loop forgets the epochs undone.

        Args:
            saved: what `state_dict` gave then; it stays as it is.
            reason: the end of a sentence about why.
        """
        rollbacks = [*self.rollbacks, {"from": self.epoch, "epoch": saved["epoch"], "reason": reason}]
        self.load_state_dict(copy.deepcopy(saved))
        self.rollbacks = rollbacks

    def supernet_weights(self, weights: Tensors, alphas: Tensors) -> Tensors:
        """The supernet's weights at a value of `self.weights` and of the alphas, differentiable for both."""
        return supernet_weights(self.hypernetwork, weights, alphas)

    @torch.no_grad()
    def write_generated(self) -> None:
        """Put the weights that the hypernetwork makes into the supernet, for whoever calls it as it is."""
        if self.hypernetwork:
            for name, weight in self.hypernetwork(self.alphas).items():
                self.supernet.get_parameter(name).copy_(weight)

    def copied_alphas(self) -> dict[str, Tensor]:
        """The alphas as they are now, for rules that keep them."""
        return {name: alpha.detach().clone() for name, alpha in self.alphas.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything a checkpoint must hold."""
        further: dict[str, Any] = {"hypernetwork": self.hypernetwork.state_dict()} if self.hypernetwork else {}
        if self.companion and self.companion_optimizer:
            further["companion"] = self.companion.state_dict()
            further["companion_optimizer"] = self.companion_optimizer.state_dict()
        return further | {
            "supernet": self.supernet.state_dict(),
            "alphas": {name: alpha.detach() for name, alpha in self.alphas.items()},
            "weight_optimizer": self.weight_optimizer.state_dict(),
            "alpha_optimizer": self.alpha_optimizer.state_dict() if self.alpha_optimizer else None,
            "stage": self.stage,
            "live": {kind: [list(names) for names in edges] for kind, edges in self.live.items()},
            "epoch": self.epoch,
            "stop_reason": self.stop_reason,
            "final_alphas": self.final_alphas,
            "rollbacks": self.rollbacks,
            "decisions": self.decisions,
            "records": self.records,
            "temperature": self.temperature,
            "auxiliary_gate": self.auxiliary_gate,
            "extra_images": self.extra_images,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; stage and live operations must be those that this state was made for."""
        self.supernet.load_state_dict(saved["supernet"])
        if self.hypernetwork:
            self.hypernetwork.load_state_dict(saved["hypernetwork"])
        if self.companion and self.companion_optimizer:
            self.companion.load_state_dict(saved["companion"])
            self.companion_optimizer.load_state_dict(saved["companion_optimizer"])
        with torch.no_grad():
            for name, alpha in self.alphas.items():
                alpha.copy_(saved["alphas"][name])
        self.weight_optimizer.load_state_dict(saved["weight_optimizer"])
        if self.alpha_optimizer:
            self.alpha_optimizer.load_state_dict(_as_run_here(saved["alpha_optimizer"], self.alpha_optimizer))
        self.epoch = saved["epoch"]
        self.stop_reason = saved["stop_reason"]
        self.final_alphas = saved["final_alphas"]
        self.rollbacks, self.records = saved["rollbacks"], saved["records"]
        self.decisions, self.extra_images = saved["decisions"], saved["extra_images"]
        self.temperature, self.auxiliary_gate = saved["temperature"], saved["auxiliary_gate"]
        self.refresh()


def _as_run_here(saved: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimiser's state, which another device may have left, with what this device wants of its steps."""
    groups = [
        {key: own.get(key, value) if key == "capturable" else value for key, value in group.items()}
        for group, own in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    return {**saved, "param_groups": groups}
