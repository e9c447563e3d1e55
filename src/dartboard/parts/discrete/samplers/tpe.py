"""The tree-structured Parzen estimator of Optuna, over the decisions of an architecture."""

from dataclasses import dataclass

import torch

from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.samplers.fresh import draw_fresh
from dartboard.parts.discrete.samplers.optuna_trials import (
    distributions,
    genotype_of,
    member_trial,
    missing_optuna,
    new_study,
)
from dartboard.space import Genotype, SearchSpace

__all__ = ["TPE"]

_TRIES = 20
"""Proposals that were evaluated before, after which an architecture is drawn at random."""


@dataclass(frozen=True)
class TPE:
    """Model good and other architectures decision by decision, and try where the good ones are denser.

    Source: Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization; the estimator is that of Optuna
    (arXiv:1907.10902). Differs: a proposal that was evaluated before is drawn again.

    Members at several levels are compared at the highest level that `startup` of them have reached, as in BOHB
    (arXiv:1807.01774).

    Attributes:
        startup: architectures drawn at random in the beginning.
        candidates: draws from the good ones, the most promising of which is proposed.
    """

    startup: int = 10
    candidates: int = 24

    def refuse(self, space: SearchSpace) -> str:
        """Without Optuna there is no such sampler."""
        return missing_optuna("tpe")

    def propose(
        self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator
    ) -> tuple[Genotype, ...]:
        """The first random architectures, or one that the estimator proposes.

        Args:
            pool: all members, in the order in which they were proposed.
            space: their space.
            count: architectures wanted at most.
            generator: on the CPU.
        """
        taken = {member.genotype for member in pool.members}
        missing = self.startup - len(pool.members)
        if missing > 0:
            return draw_fresh(space, min(count, missing), taken, generator)
        from optuna.samplers import TPESampler

        seed = int(torch.randint(2**31, (), generator=generator))
        sampler = TPESampler(n_startup_trials=0, n_ei_candidates=self.candidates, seed=seed)
        parameters, level = distributions(space), self._level(pool)
        known = [member_trial(each, _values(each, level), space, parameters) for each in pool.members]
        study = new_study(sampler, ["maximize"], known)
        for _ in range(_TRIES):
            asked = study.ask(parameters)
            if (proposed := genotype_of(asked.params, space, generator)) not in taken:
                return (proposed,)
        return draw_fresh(space, 1, taken, generator)

    def _level(self, pool: Pool) -> int:
        reached = [member.level for member in pool.members]
        return max((level for level in set(reached) if sum(own >= level for own in reached) >= self.startup), default=1)


def _values(member: Member, level: int) -> list[float] | None:
    """What the estimator sees: nothing of a member that is below the level, and the worst of one that has failed."""
    if member.failure is not None:
        return [0.0]
    return [member.accuracies[level - 1]] if member.level >= max(1, level) else None
