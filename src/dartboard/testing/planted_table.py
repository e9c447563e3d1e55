"""A table with a planted best architecture, which searches without a supernet must find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dartboard.engine.discrete import DiscreteProblem, Evaluation, Evaluator, run_discrete
from dartboard.parts import Recipe
from dartboard.parts.discrete import Member
from dartboard.runs import Observer, RunDirectory
from dartboard.space import Genotype, SearchSpace, get_space, parse_genotype

__all__ = ["PLANTED_BEST", "PlantedTable", "search_planted_table"]

PLANTED_BEST = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|"
"""One of the 125 cells of NAS-Bench-201 with two nodes."""

_SPACE = "nas-bench-201:nodes=2"


@dataclass(frozen=True)
class PlantedTable(Evaluator):
    """Says of an architecture how many operations it shares with the planted one; longer trainings are better.

    Attributes:
        best: the planted architecture.
        turned: whether fewer shared operations count as better.
    """

    best: Genotype
    turned: bool = False

    @property
    def name(self) -> str:
        """The name in pool.json."""
        return "planted"

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:
        """Look an architecture up."""
        own, best = member.architecture["cell"].choices, self.best["cell"].choices
        shared = sum(one == other for one, other in zip(own, best, strict=True)) / len(best)
        level = (member.level + 1) / len(epochs)
        return Evaluation((1 - shared if self.turned else shared) * (0.5 + 0.5 * level), 0.0)


def search_planted_table(recipe: Recipe, folder: Path, seed: int, *, turned: bool = False) -> tuple[Genotype, Genotype]:
    """Search the table by a method without a supernet.

    Args:
        recipe: of the method; it has the slot `discrete`.
        folder: folder of the run.
        seed: of the search.
        turned: whether the table is turned around, so that the planted architecture is the worst.

    Returns:
        What is found, and what is planted.
    """
    space: SearchSpace = get_space(_SPACE)
    planted = parse_genotype(PLANTED_BEST, space.name)
    assert recipe.discrete is not None
    problem = DiscreteProblem(space, PlantedTable(planted, turned=turned), _scores)
    with RunDirectory(folder) as run:
        found = run_discrete(problem, recipe.discrete, run, seed=seed, observer=Observer())
    return found, planted


def _scores(genotypes: Sequence[Genotype], proxies: Sequence[str]) -> list[Mapping[str, float]]:
    """Proxies that prefer nothing."""
    return [dict.fromkeys(proxies, 0.0) for _ in genotypes]
