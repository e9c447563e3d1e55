"""Rules that set a value by the epoch: when alpha learns, temperatures, gates, dropping, weight decay."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.dropping import Dropping
from dartboard.parts.relaxation import ReinMax
from dartboard.parts.rules.protocol import EpochPlan, Rule, SearchView

__all__ = [
    "Cooling",
    "FadeAuxiliary",
    "Fading",
    "FadingSkipDropout",
    "GrowDropping",
    "LinearCooling",
    "NoTraining",
    "ScaleWeightDecay",
    "SparseAlpha",
    "WarmUp",
]

Fading = Literal["linear", "cosine", "slow-cosine", "constant"]


@dataclass(frozen=True)
class NoTraining(Rule):
    """End the search before its first epoch, so that the selection alone decides."""

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return plan.stopped("this method trains no supernet")


@dataclass(frozen=True)
class WarmUp(Rule):
    """Let the weights learn alone at first, so that alpha does not learn from operations that are still untrained.

    Paper: P-DARTS (arXiv:1904.12760), section 4.1.2; PC-DARTS (arXiv:1907.05737), section 4.1.

    Attributes:
        fraction: share of the stage's epochs in which alpha rests.
    """

    fraction: float

    @override
    def resting_epochs(self, epochs: int) -> int:
        return sum(epoch < self.fraction * epochs for epoch in range(epochs))

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return replace(plan, alpha_rests=search.stage_epoch < self.fraction * search.stage_epochs)


@dataclass(frozen=True)
class SparseAlpha(Rule):
    """Take one step of alpha for several weight steps: before the first of an epoch, then after every `every` of them.

    Source: ProxylessNAS (arXiv:1812.00332), the authors' code.

    Attributes:
        every: weight steps for every step of alpha.
    """

    every: int

    @override
    def alpha_steps(self, steps: int) -> int:
        return math.ceil(steps / self.every)

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return replace(plan, alpha_every=self.every)


@dataclass(frozen=True)
class Cooling(Rule):
    """Multiply the temperature by a constant factor every epoch, from the first epoch in which alpha learns.

    While alpha rests, the temperature is 1. Source: DOTS (arXiv:2010.00969).

    Attributes:
        start: temperature of the first epoch in which alpha learns.
        end: temperature of the last epoch.
        resting: share of the stage's epochs in which alpha rests.
    """

    start: float
    end: float
    resting: float

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        first = math.ceil(self.resting * search.stage_epochs)
        learned, steps = search.stage_epoch - first, max(1, search.stage_epochs - 1 - first)
        temperature = 1.0 if learned < 0 else self.start * (self.end / self.start) ** (learned / steps)
        return replace(plan, temperature=temperature)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse a temperature below 1 for `ReinMax`."""
        return _too_cold(recipe, self.start, self.end)


def _too_cold(recipe: Slots, start: float, end: float) -> str:
    """Why these temperatures do not fit a relaxation; empty if they do."""
    if not isinstance(recipe.relaxation, ReinMax) or min(start, end) >= 1:
        return ""
    return (
        f"ReinMax takes no temperature below 1, and these go from {start:g} to {end:g}; choose temperatures of at "
        "least 1"
    )


@dataclass(frozen=True)
class LinearCooling(Rule):
    """Lower the temperature by a constant step every epoch.

    Source: GDAS (arXiv:1910.04465), from 10 to 0.1; SNAS (arXiv:1812.09926), from 1 towards 0.03.

    Attributes:
        start: temperature of the stage's first epoch.
        end: temperature that is reached at the end.
        arrives: whether the last epoch has the temperature `end`; otherwise only the epoch after it would have it.
    """

    start: float
    end: float
    arrives: bool = True

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        steps = max(1, search.stage_epochs - self.arrives)
        return replace(plan, temperature=self.start + (self.end - self.start) * search.stage_epoch / steps)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse a temperature below 1 for `ReinMax`."""
        return _too_cold(recipe, self.start, self.end)


@dataclass(frozen=True)
class FadeAuxiliary(Rule):
    """Lower the gate of the auxiliary skip connections from `start` towards 0, epoch by epoch (DARTS-).

    The gate is `start` times 1 - p (linear), (1 + cos(pi p)) / 2 (cosine), cos(pi p / 2) (slow-cosine) or 1 (constant),
    where p is the share of the stage's epochs that are done. All schedules but "constant" would reach 0 in the epoch
    after the last. Paper: arXiv:2009.01027, with the schedules of the authors' code.

    Attributes:
        fading: the schedule.
        start: gate of the first epoch.
    """

    fading: Fading = "linear"
    start: float = 1.0

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return replace(plan, auxiliary_gate=self.start * _share(self.fading, search.progress))

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse a supernet without auxiliary skip connections."""
        if recipe.mixing.auxiliary_skip:
            return ""
        return "FadeAuxiliary sets the gate of auxiliary skip connections, and the mixing has none"


def _share(fading: Fading, progress: float) -> float:
    if fading == "linear":
        return 1 - progress
    if fading == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return math.cos(math.pi * progress / 2) if fading == "slow-cosine" else 1.0


@dataclass(frozen=True)
class FadingSkipDropout(Rule):
    """Drop values behind identities, fewer from epoch to epoch, so that skip connections do not win by being easy.

    While alpha rests, the probability in epoch e of E is `start` * (E - e - 1) / E. In the first epoch in which alpha
    learns it is `start` again, and from then on it is multiplied by exp(-5 / E) every epoch. Source: P-DARTS
    (arXiv:1904.12760, section 3.3) with the schedule of the authors' code, which has stages of 25 epochs and the factor
    exp(-0.2).

    Attributes:
        start: probability at the start, and again when alpha begins to learn.
        resting: share of the stage's epochs in which alpha rests.
    """

    start: float
    resting: float

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        epoch, epochs = search.stage_epoch, search.stage_epochs
        learned = epoch - math.ceil(self.resting * epochs)
        factor = (epochs - epoch - 1) / epochs if learned < 0 else math.exp(-5 * learned / epochs)
        return replace(plan, dropping=replace(plan.dropping, values=self.start * factor))


@dataclass(frozen=True)
class GrowDropping(Rule):
    """Raise the dropping of paths and squares linearly, from 0 in the first epoch of a stage to `most` in the last.

    Paper: RobustDARTS (arXiv:1909.09656) and the authors' code.

    Attributes:
        most: chances of paths and squares in the last epoch, and the side of the squares in every epoch.
    """

    most: Dropping

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        share = search.stage_epoch / max(1, search.stage_epochs - 1)
        paths, squares = share * self.most.paths, share * self.most.squares
        return replace(plan, dropping=replace(plan.dropping, paths=paths, squares=squares, side=self.most.side))


@dataclass(frozen=True)
class ScaleWeightDecay(Rule):
    """Multiply the weight decay of the weights (`search.weight_decay`) once, before a stage begins.

    Paper: RobustDARTS (arXiv:1909.09656).

    Attributes:
        factor: multiplies the weight decay; the paper tries 1, 3, 9, 27 and 81.
    """

    factor: float

    @override
    def before_epoch(self, search: SearchView, plan: EpochPlan) -> EpochPlan:
        return plan if search.stage_epoch else replace(plan, weight_decay=self.factor * plan.weight_decay)
