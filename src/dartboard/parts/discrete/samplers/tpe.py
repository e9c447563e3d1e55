"""The tree-structured Parzen estimator of Optuna, over the decisions of an architecture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from typing_extensions import override

from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.protocol import Sampler
from dartboard.parts.discrete.samplers.optuna_trials import (
    distributions,
    genotype_of,
    member_trial,
    missing_optuna,
    new_study,
)
from dartboard.parts.discrete.samplers.uniform import draw_new
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["TPE"]

_TRIES = 20
"""Proposals that were evaluated before, after which an architecture is drawn at random."""


@dataclass(frozen=True)
class TPE(Sampler):
    """Model good and other architectures decision by decision, and try where the good ones are denser.

    Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization; the estimator is that of Optuna
    (arXiv:1907.10902). Differs: a proposal that was evaluated before, or through which nothing passes, is drawn again.

    Members at several levels are compared at the highest level that `startup` of them have reached, as in BOHB
    (arXiv:1807.01774).

    Attributes:
        startup: architectures drawn at random in the beginning.
        candidates: draws from the good ones, the most promising of which is proposed.
    """

    startup: int = 10
    candidates: int = 24

    def refuse(self, space: SearchSpace) -> str:  # noqa: ARG002
        """Without Optuna there is no such sampler."""
        return missing_optuna("tpe")

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        missing = self.startup - len(pool.members)
        if missing > 0:
            return draw_new(pool, space, min(count, missing), generator)
        from optuna.samplers import TPESampler

        seed, level = int(torch.randint(2**31, (), generator=generator)), self._level(pool)
        sampler = TPESampler(n_startup_trials=0, n_ei_candidates=self.candidates, seed=seed)
        parameters = distributions(space)
        known = [member_trial(each.architecture, _values(each, level), space, parameters) for each in pool.members]
        study, seen = new_study(sampler, ["maximize"], known), pool.texts
        for _ in range(_TRIES):
            proposed = genotype_of(study.ask(parameters).params, space, generator)
            if proposed.to_text() not in seen and lets_images_through(space, proposed):
                return [proposed]
        return draw_new(pool, space, 1, generator)

    @override
    def shrunk(self, share: float) -> "TPE":
        return replace(self, startup=max(2, round(share * self.startup)))

    def _level(self, pool: Pool) -> int:
        reached = [member.level for member in pool.members]
        enough = {level for level in reached if level and sum(own >= level for own in reached) >= self.startup}
        return max(enough, default=1)


def _values(member: Member, level: int) -> list[float] | None:
    """What the estimator sees: nothing of a member that is below the level, and the worst of one that has failed."""
    if member.failure is not None:
        return [0.0]
    return [member.accuracies[level - 1]] if member.level >= max(1, level) else None
