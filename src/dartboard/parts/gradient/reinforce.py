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

    It is minus the mean over several draws of (R - b) d log p / d(alpha). The reward R is the accuracy on the
    validation batch; if a reference is given, it is multiplied by (reference / multiply-adds) ** cost_power. The
    baseline b is a running mean of the rewards. It starts as the mean reward of the first step; in later steps it is
    updated after it has been used.

    Cost: a forward pass for each draw, and no backward pass through the supernet. The gradient is exact on average, but
    its variance is large.

    Paper: ProxylessNAS, arXiv:1812.00332, section 3.3; Williams, "Simple statistical gradient-following algorithms for
    connectionist reinforcement learning", 1992.

    Attributes:
        cost_reference: multiply-adds at which the cost does not change the reward; None: the cost never does.
        cost_power: exponent of the cost in the reward; a larger one favours cheap architectures more.
        samples: number of architectures that are drawn for a step.
        decay: factor of the old baseline when a step updates it.
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
        """Refuse relaxations that draw no paths, and penalties, which the reward does not contain."""
        if not isinstance(recipe.relaxation, DrawsPaths):
            return f"Reinforce tries architectures that are drawn, and {type(recipe.relaxation).__name__} draws none"
        if recipe.penalties:
            return "Reinforce learns from a reward, and the penalties join a loss that it does not use"
        return ""

    def _reward(self, trial: Trial) -> Tensor:
        if self.cost_reference is None:
            return trial.accuracy
        return trial.accuracy * (self.cost_reference / trial.cost()) ** self.cost_power
