"""A rule that trains a controller on the accuracy of the architectures that it draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.data import Batch
from dartboard.parts.demands import Slots
from dartboard.parts.gradient import differentiate
from dartboard.parts.relaxation import Controller, DrawnCells
from dartboard.parts.rules.protocol import MovableSearch, Outcome, Rule, SearchView

__all__ = ["ReinforceController", "compare", "policy_loss"]


@dataclass(frozen=True)
class ReinforceController(Rule):
    """Train a controller by REINFORCE after the weight steps of every epoch (ENAS, arXiv:1802.03268).

    The reward of an architecture is its accuracy on one batch of validation images, with the weights of the supernet
    and batch statistics, plus its entropy times `entropy_weight`. Each architecture gets the next batch. The gradient
    is that of the expected reward, so it goes through the entropy too. The authors' code holds the entropy fixed, and
    then a controller of a single token would not feel it. The first reward is the first baseline.

    Attributes:
        steps_per_update: weight steps of an epoch for every update of the controller; an epoch has one update at least.
            With 4, the 195 steps of an epoch in AutoDL-Projects give about its 50 updates.
        aggregate: number of architectures that an update averages over.
        entropy_weight: the factor of the entropy.
        baseline_decay: factor of the old baseline when a reward updates it.
    """

    steps_per_update: int = 4
    aggregate: int = 20
    entropy_weight: float = 1e-4
    baseline_decay: float = 0.99
    moves_alpha: ClassVar[bool] = True

    @override
    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:
        """Take the controller's updates of the epoch; none while alpha rests.

        Raises:
            SettingsError: there are no validation images.
        """
        if search.plan.alpha_rests:
            return None
        generator, batches = search.generator("controller"), search.score.endless()
        baseline: float | None = search.records.get("baseline")
        accuracies: list[float] = []
        entropies: list[float] = []
        for _ in range(self.updates(steps)):
            drawn = self._sample(search, generator)
            accuracy = self._accuracies(search, drawn, batches)
            entropy = drawn.entropy.tolist()
            rewards = [right + self.entropy_weight * free for right, free in zip(accuracy, entropy, strict=True)]
            advantages, baseline = compare(rewards, baseline, self.baseline_decay)
            search.move_alphas(differentiate(policy_loss(drawn, advantages, self.entropy_weight), search.alphas))
            accuracies += accuracy
            entropies += entropy
        assert baseline is not None
        figures = {
            "reward_accuracy": sum(accuracies) / len(accuracies),
            "controller_entropy": sum(entropies) / len(entropies),
            "baseline": baseline,
        }
        return Outcome({"baseline": baseline}, figures)

    def updates(self, steps: int) -> int:
        """The number of updates after an epoch of `steps` weight steps."""
        return max(1, round(steps / self.steps_per_update))

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse recipes without a controller."""
        if isinstance(recipe.relaxation, Controller):
            return ""
        return f"ReinforceController moves a Controller, and the relaxation is {type(recipe.relaxation).__name__}"

    def _sample(self, search: SearchView, generator: torch.Generator) -> DrawnCells:
        architecture = search.architecture
        assert isinstance(architecture.relaxation, Controller)
        return architecture.relaxation.sample(search.alphas, architecture.cells, self.aggregate, generator)

    def _accuracies(self, search: SearchView, drawn: DrawnCells, batches: Iterator[Batch]) -> list[float]:
        scored = [search.score.accuracy(search.architecture.of_draws(each), next(batches)) for each in drawn.each()]
        return torch.stack(scored).tolist()


def compare(rewards: Sequence[float], baseline: float | None, decay: float) -> tuple[list[float], float]:
    """Every reward minus the baseline before it, and the baseline after all rewards.

    The baseline is a moving average, b <- decay * b + (1 - decay) * reward. If it is None, it starts as the first
    reward.

    >>> compare([1.0, 0.0], 1.0, decay=0.9)
    ([0.0, -1.0], 0.9)
    """
    average = rewards[0] if baseline is None else baseline
    advantages = []
    for reward in rewards:
        advantages.append(reward - average)
        average = decay * average + (1 - decay) * reward
    return advantages, average


def policy_loss(drawn: DrawnCells, advantages: Sequence[float], entropy_weight: float) -> Tensor:
    """A scalar loss; its mean gradient over draws is minus the gradient of the expected reward (Williams 1992).

    Args:
        drawn: architectures.
        advantages: for each architecture its reward, weighted entropy included, minus a baseline that does not depend
            on the architecture.
        entropy_weight: the factor of the entropy in the reward.
    """
    above = torch.tensor(advantages, dtype=drawn.entropy.dtype).to(drawn.entropy.device)
    return -(above * drawn.log_likelihood + entropy_weight * drawn.entropy).mean()
