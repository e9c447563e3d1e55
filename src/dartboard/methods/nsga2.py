"""NSGA-II: accuracy against multiply-adds."""

from typing import Annotated

from pydantic import Field

from dartboard.parts import NSGA2, Count, DiscreteSearch, Full, Recipe, method


@method("nsga2", paper="Deb et al. 2002, IEEE Transactions on Evolutionary Computation 6(2)", group="discrete")
def nsga2(
    *,
    members: Count = 200,
    length: Count = 12,
    population: Annotated[int, Field(ge=2)] = 20,
    crossover: Annotated[float, Field(ge=0, le=1)] = 0.9,
) -> Recipe:
    """NSGA-II: breed a population towards high accuracy and few multiply-adds at once.

    It needs the extra `optuna`. The answer is the most accurate architecture of the whole history. Multiply-adds are
    those in the reference network of the space.

    Source: Deb et al. 2002, IEEE Transactions on Evolutionary Computation 6(2), as in Optuna, arXiv:1907.10902.
    Differs from the paper: a child that was evaluated already is drawn again.

    Args:
        members: architectures that are evaluated.
        length: epochs of each training.
        population: architectures of a generation.
        crossover: chance that a child has two parents.
    """
    return Recipe(
        discrete=DiscreteSearch(NSGA2(population, crossover), Full(members, (length,))),
        smallest={"": {"method.options.members": 12, "method.options.length": 4, "method.options.population": 4}},
    )
