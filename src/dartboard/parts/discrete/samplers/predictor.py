"""The architectures that a predictor of the order puts first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.discrete.neighbours import encode, encoding_size, neighbours
from dartboard.parts.discrete.pool import Pool
from dartboard.parts.discrete.protocol import Sampler
from dartboard.parts.discrete.ranking import Loss, RankPredictor, known_members, make_pairs
from dartboard.parts.discrete.samplers.uniform import draw_new
from dartboard.parts.drawing import cell_choices
from dartboard.parts.selection.protocol import make_genotype
from dartboard.space import Genotype, SearchSpace, lets_images_through

__all__ = ["PredictedBest"]

_FEW = 20_000
"""A space of at most so many architectures is listed; of a larger one, some are drawn and others lie near the best."""

_BEST = 10
"""So many of the best members are mutated."""


@dataclass(frozen=True)
class PredictedBest(Sampler):
    """The architectures that a predictor of the order puts first; before anything is evaluated, they are drawn.

    Candidates are all architectures of a small space. Of a large one they are `drawn` random ones and all neighbours of
    the ten best members.

    Source: RANK-NOSH (arXiv:2108.08019); the candidates of large spaces are a choice.

    Attributes:
        drawn: random candidates in a large space.
        networks: networks of the predictor.
        steps: that each of them learns for.
        least: pairs closer than this accuracy, as a fraction, teach nothing.
        loss: of a pair.
    """

    drawn: int = 10_000
    networks: int = 5
    steps: int = 200
    least: float = 0.001
    loss: Loss = "logistic"

    @override
    def propose(self, pool: Pool, space: SearchSpace, count: int, generator: torch.Generator) -> Sequence[Genotype]:
        predictor = self._fitted(pool, space, generator)
        if predictor is None:
            return draw_new(pool, space, count, generator)
        candidates, vectors = self._candidates(pool, space, generator)
        seen, found = pool.texts, list[Genotype]()
        for place in predictor(vectors).argsort(descending=True, stable=True).tolist() if candidates else ():
            if len(found) == count:
                break
            if candidates[place].to_text() not in seen:
                found.append(candidates[place])
        return found

    def predict(
        self, pool: Pool, space: SearchSpace, genotypes: Sequence[Genotype], generator: torch.Generator
    ) -> list[float]:
        """What the predictor says of architectures; empty where the pool teaches nothing yet."""
        if not genotypes:
            return []
        predictor = self._fitted(pool, space, generator)
        return [] if predictor is None else predictor(_vectors(space, genotypes)).tolist()

    def _fitted(self, pool: Pool, space: SearchSpace, generator: torch.Generator) -> RankPredictor | None:
        members = known_members(pool)
        pairs = make_pairs(members, self.least)
        if not pairs:
            return None
        seed = int(torch.randint(2**31, (), generator=generator))
        predictor = RankPredictor(
            encoding_size(space), networks=self.networks, steps=self.steps, loss=self.loss, seed=seed
        )
        predictor.fit(_vectors(space, [member.architecture for member in members]), pairs)
        return predictor

    def _candidates(
        self, pool: Pool, space: SearchSpace, generator: torch.Generator
    ) -> tuple[Sequence[Genotype], Tensor]:
        """Architectures and their vectors, (architectures, features); members of the pool may be among them."""
        if space.cell.edges_per_node is None and space.num_architectures <= _FEW:
            return _listed(space)
        best = sorted(known_members(pool), key=lambda it: (-it.level, -it.accuracies[-1]))[:_BEST]
        near = (each for member in best for each in neighbours(space, member.architecture))
        drawn = draw_new(pool, space, self.drawn, generator)
        passing = [each for each in dict.fromkeys([*near, *drawn]) if lets_images_through(space, each)]
        return passing, _vectors(space, passing)


@lru_cache(maxsize=2)
def _listed(space: SearchSpace) -> tuple[Sequence[Genotype], Tensor]:
    """All architectures of a small space through which images pass, and their vectors; the list takes seconds."""
    passing = [genotype for genotype in _every(space) if lets_images_through(space, genotype)]
    return passing, _vectors(space, passing)


def _every(space: SearchSpace) -> Iterator[Genotype]:
    """All architectures of a space that keeps every edge."""
    rows = [(kind, columns) for kind in space.cell_kinds for columns in space.selectable_columns(kind)]
    edges = len(space.cell.edges)
    for way in product(*(columns for _, columns in rows)):
        cells = {
            kind: cell_choices(space, dict(enumerate(way[place * edges : (place + 1) * edges])))
            for place, kind in enumerate(space.cell_kinds)
        }
        yield make_genotype(space, cells)


def _vectors(space: SearchSpace, genotypes: Sequence[Genotype]) -> Tensor:
    """(architectures, features)."""
    return torch.stack([encode(space, genotype) for genotype in genotypes])
