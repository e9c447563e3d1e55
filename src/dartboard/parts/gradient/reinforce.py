"""The gradient of a reward that need not be differentiable."""

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.gradient.problem import Bilevel, Gradient, Trial, differentiate
from dartboard.parts.relaxation import DrawsPaths

__all__ = ["Reinforce"]


@dataclass(frozen=True)
class Reinforce(Gradient):
    """The gradient of minus the expected reward of an architecture drawn from alpha, by the score function.

    It is minus the mean over several draws of (R - b) d log p / d(alpha), with R the accuracy on the validation batch,
    times (reference / multiply-adds) ** cost_power where a reference is given. The baseline b is a running mean of the
    rewards; the first rewards start it, later ones count once it has served them.

    Cost: a forward pass for each draw. Every operation is learned from its own rewards alone; no backward pass through
    the supernet. The expected gradient is exact, its variance is large.

    Paper: ProxylessNAS, arXiv:1812.00332, section 3.3; Williams, "Simple statistical gradient-following algorithms for
    connectionist reinforcement learning", 1992.

    Attributes:
        cost_reference: multiply-adds of a network that are neither rewarded nor punished; None: cost does not count.
        cost_power: how much cost counts.
        samples: draws for a step.
        decay: of the baseline.
    """

    cost_reference: float | None = None
    cost_power: float = 0.1
    samples: int = 10
    decay: float = 0.99

    @override
    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        assert problem.next_trial is not None
        trials = [problem.next_trial() for _ in range(self.samples)]
        rewards = torch.stack([self._reward(trial) for trial in trials])
        mean = rewards.mean()
        baseline = problem.records.get("reward_baseline", mean).to(mean.device)
        problem.records["reward_baseline"] = self.decay * baseline + (1 - self.decay) * mean
        scores = torch.stack([trial.log_probability for trial in trials])
        return differentiate(-((rewards - baseline) * scores).mean(), problem.alphas)

    def refuse_recipe(self, recipe: Slots) -> str:
        """It needs a relaxation that draws architectures, and sees only their reward: no penalties."""
        if not isinstance(recipe.relaxation, DrawsPaths):
            return f"Reinforce tries architectures that are drawn, and {type(recipe.relaxation).__name__} draws none"
        if recipe.penalties:
            return "Reinforce follows a reward, and the penalties join a loss that it never sees"
        return ""

    def _reward(self, trial: Trial) -> Tensor:
        if self.cost_reference is None:
            return trial.accuracy
        return trial.accuracy * (self.cost_reference / trial.cost()) ** self.cost_power
