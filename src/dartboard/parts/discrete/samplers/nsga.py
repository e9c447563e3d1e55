"""NSGA-II of Optuna: accuracy against multiply-adds, without weighing one against the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

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
from dartboard.space import Genotype, SearchSpace, get_space, lets_images_through, network_cost

if TYPE_CHECKING:
    from optuna.samplers import NSGAIISampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = ["NSGA2", "pareto_front", "reference_macs"]

_TRIES = 50
_PIXELS = 32


@dataclass(frozen=True)
class NSGA2(Sampler):
    """Breed a population towards high accuracy and few multiply-adds at once.

    Source: Deb et al. 2002, IEEE Transactions on Evolutionary Computation 6(2), as Optuna has it (arXiv:1907.10902):
    uniform crossover, and a mutation of each decision with the chance of one in their number. Differs: a child that
    was evaluated before, or through which nothing passes, is drawn again.

    Every `population` members of the pool are one generation, so the pool tells which members are the parents.

    Attributes:
        population: architectures of a generation.
        crossover: chance that a child has two parents.
    """

    population: int = 20
    crossover: float = 0.9

    def refuse(self, space: SearchSpace) -> str:  # noqa: ARG002
        """Without Optuna there is no such sampler."""
        return missing_optuna("nsga2")

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        generation, grown = divmod(len(pool.members), self.population)
        count = min(count, self.population - grown)
        if generation == 0:
            return draw_new(pool, space, count, generator)
        study, found, seen = self._study(pool, space, generation, generator), list[Genotype](), set(pool.texts)
        parameters = distributions(space)
        for _ in range(_TRIES + count):
            if len(found) == count:
                break
            child = genotype_of(study.ask(parameters).params, space, generator)
            if child.to_text() not in seen and lets_images_through(space, child):
                found.append(child)
                seen.add(child.to_text())
        return [*found, *draw_new(pool, space, count - len(found), generator, besides=found)]

    @override
    def shrunk(self, share: float) -> "NSGA2":
        return replace(self, population=max(2, round(share * self.population)))

    def _study(self, pool: Pool, space: SearchSpace, generation: int, generator: torch.Generator) -> "Study":
        seed = int(torch.randint(2**31, (), generator=generator))
        sampler = _sampler(self.population, self.crossover, generation, seed)
        parameters = distributions(space)
        known = [member_trial(each.architecture, _values(each), space, parameters) for each in pool.members]
        return new_study(sampler, ["maximize", "minimize"], known)


def _sampler(population: int, crossover: float, current: int, seed: int) -> "NSGAIISampler":
    """A sampler of Optuna that counts generations by the numbers of trials."""
    from optuna.samplers import NSGAIISampler
    from optuna.trial import TrialState

    class Counting(NSGAIISampler):
        def get_trial_generation(self, study: "Study", trial: "FrozenTrial") -> int:  # noqa: ARG002
            return current

        def get_population(self, study: "Study", generation: int) -> list["FrozenTrial"]:
            complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            return [trial for trial in complete if trial.number // population == generation]

    return Counting(population_size=population, crossover_prob=crossover, seed=seed)


def _values(member: Member) -> list[float] | None:
    return [member.accuracies[-1], reference_macs(member.architecture)] if member.level else None


@lru_cache(maxsize=10_000)
def reference_macs(genotype: Genotype) -> int:
    """Multiply-adds of an architecture in the reference network of its space, for one colour image of 32x32 pixels.

    The networks of a search have other sizes, and order architectures alike.
    """
    space = get_space(genotype.space)
    channels, layers = space.reference_size
    plan = space.plan(
        in_channels=3, num_classes=10, init_channels=channels, layers=layers, image_size=(_PIXELS, _PIXELS)
    )
    return network_cost(space, genotype, plan, (_PIXELS, _PIXELS)).multiply_adds


def pareto_front(pool: Pool) -> tuple[Member, ...]:
    """The members that no other one beats both in accuracy and in multiply-adds, the cheapest first.

    Args:
        pool: members with accuracies; only those at the highest level that any has reached are compared.
    """
    top = max((member.level for member in pool.members), default=0)
    there = [member for member in pool.reached(top) if top and member.failure is None]
    front: list[Member] = []
    for member in sorted(there, key=lambda each: (reference_macs(each.architecture), -each.accuracies[-1])):
        if not front or member.accuracies[-1] > front[-1].accuracies[-1]:
            front.append(member)
    return tuple(front)
