"""Selections that draw architectures at random: one, or many that are tried with the weights of the supernet."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Literal, TypeVar

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.errors import SettingsError
from dartboard.parts.demands import Slots
from dartboard.parts.drawing import Chosen, cell_choices, draw_by_shares, draw_uniformly, likeliest
from dartboard.parts.scoring import NO_IMAGES
from dartboard.parts.selection.protocol import Judged, Selection, Trained, make_genotype
from dartboard.parts.selection.strongest import StrongestEdges
from dartboard.space import Genotype, SearchSpace, lets_images_through
from dartboard.wording import count, duration

__all__ = ["MOST_RUNNERS_UP", "SampleAndValidate", "UniformlyRandom", "told_in_vain"]

T = TypeVar("T")

_FIRST_LOOK = 0.75
"""Share of the time limit for the first scores of all candidates; the rest is for the finalists."""


MOST_RUNNERS_UP = 20
"""So many of the best candidates after the winner are recorded, for whoever trains several of them."""

_MOST_DRAWS = 1000
"""So many architectures are drawn again at most; of those of NAS-Bench-201, 341 of 15,625 let nothing through."""


@dataclass(frozen=True)
class UniformlyRandom(Selection):
    """An architecture drawn uniformly: predecessors without replacement, then an operation for each.

    One that lets nothing of the images through (`lets_images_through`) is drawn again, as nobody would train it.
    """

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        return self.draw(space, generator)[0]

    def draw(self, space: SearchSpace, generator: torch.Generator) -> tuple[Genotype, int]:
        """The architecture, and how many were drawn before it because they let nothing through."""
        genotype, in_vain = _drawn(space, generator), 0
        while in_vain < _MOST_DRAWS and not lets_images_through(space, genotype):
            genotype, in_vain = _drawn(space, generator), in_vain + 1
        return genotype, in_vain


def _drawn(space: SearchSpace, generator: torch.Generator) -> Genotype:
    drawn = {kind: draw_uniformly(space.cell, space.selectable_columns(kind), generator) for kind in space.cell_kinds}
    return make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})


def told_in_vain(drawn: int) -> str:
    """A sentence about architectures that were drawn before one that lets images through."""
    return (
        f"Nothing of the images passes through {count(drawn, 'architecture')} that {'was' if drawn == 1 else 'were'} "
        "drawn at random first, so another was drawn."
    )


@dataclass(frozen=True)
class SampleAndValidate(Selection):
    """Draws architectures, scores them on validation images with the weights of the supernet, and takes the best.

    In each round all candidates are scored on the first `batches` batches, and then the best `finalists` of them on all
    images. The selection takes the best architecture of all rounds; among equals the one drawn first. After every epoch
    of the search, before the trials, it chooses as `StrongestEdges` does.

    Source: random search with weight sharing (arXiv:1902.07638, the authors' code, which returns the winner of the
    first round); SETN (arXiv:1910.05733).

    Differs: candidates that let nothing of the images through (`lets_images_through`) are left out.

    Attributes:
        candidates: architectures per round.
        batches: number of batches, of 256 images each, on which candidates are first scored; None: all.
        finalists: how many candidates are scored on all images; 0: the best candidate on the first batches wins.
        steps_per_round: weight steps of the search for every round; there is one round at least. None: always one.
        origin: "uniform" draws candidates uniformly; "shares" draws them in proportion to the gates; "likeliest" takes
            those with the largest product of gates, but is "shares" in spaces that drop edges; "relaxation" takes whole
            architectures as the relaxation draws them.
    """

    candidates: int = 1000
    batches: int | None = 3
    finalists: int = 10
    steps_per_round: int | None = 10_000
    origin: Literal["uniform", "shares", "likeliest", "relaxation"] = "uniform"

    @override
    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        return StrongestEdges()(space, gates, generator)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse the origin "relaxation" with a relaxation that draws no whole architectures."""
        if self.origin != "relaxation" or recipe.relaxation.draws_whole:
            return ""
        return (
            f"SampleAndValidate cannot take its candidates from {type(recipe.relaxation).__name__}, which draws no "
            "whole architectures"
        )

    def rounds(self, steps: int) -> int:
        """The number of rounds after a search of `steps` weight steps."""
        return 1 if self.steps_per_round is None else max(1, steps // self.steps_per_round)

    def judge(self, trained: Trained) -> Judged:
        """Try the candidates of all rounds, and choose the best.

        Raises:
            SettingsError: there are no validation images.
        """
        rounds, started = self.rounds(trained.steps), time.perf_counter()
        limit = "" if trained.seconds is None else f", or as many as {duration(trained.seconds)} allow"
        trained.note(f"Now {rounds * self.candidates:,} architectures are tried with the supernet's weights{limit}.")

        def within(share: float) -> Callable[[object], bool]:
            end = math.inf if trained.seconds is None else started + share * trained.seconds
            return lambda _: time.perf_counter() < end

        ranked: list[tuple[float, Genotype]] = []
        tried = 0
        for number in range(rounds):
            drawn = _while(within((number + _FIRST_LOOK) / rounds), self._draw(trained))
            scored = [(self._accuracy(trained, each, self.batches), each) for each in drawn]
            tried += len(scored)
            scored.sort(key=lambda pair: -pair[0])  # stable: among equals the first drawn
            if self.finalists:
                closer = _while(within((number + 1) / rounds), scored[: self.finalists])
                scored = [(self._accuracy(trained, each, None), each) for _, each in closer]
            ranked += scored
        ranked.sort(key=lambda pair: -pair[0])  # stable: among equals that of the earlier round
        best, further = ranked[0], _distinct(ranked)[1 : 1 + MOST_RUNNERS_UP]
        figures = {"tried": tried, "rounds": rounds, "validation_accuracy": best[0]}
        texts, accuracies = [each.to_text() for _, each in further], [accuracy for accuracy, _ in further]
        return Judged(best[1], {**figures, "runners_up": texts, "runner_up_accuracies": accuracies})

    def _draw(self, trained: Trained) -> Iterator[Genotype]:
        """The candidates; those that let nothing through or are not admitted only where no others are drawn."""
        passing, blind = False, None
        for genotype in self._draw_any(trained):
            if (trained.admits is None or trained.admits(genotype)) and lets_images_through(trained.space, genotype):
                passing = True
                yield genotype
            else:
                blind = genotype
        if blind is not None and not passing:
            yield blind

    def _draw_any(self, trained: Trained) -> Iterator[Genotype]:
        space, columns = trained.space, {kind: trained.space.selectable_columns(kind) for kind in trained.gates}
        if self.origin == "likeliest" and space.cell.edges_per_node is None:
            yield from self._likeliest(trained)
            return
        for _ in range(self.candidates):
            if self.origin == "relaxation":
                drawn = _whole(trained)
            else:
                drawn = {
                    kind: draw_uniformly(space.cell, columns[kind], trained.generator)
                    if self.origin == "uniform"
                    else draw_by_shares(space.cell, columns[kind], trained.gates[kind], trained.generator)
                    for kind in space.cell_kinds
                }
            yield make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})

    def _likeliest(self, trained: Trained) -> Iterator[Genotype]:
        """The likeliest architectures: all kinds of cells are ranked together, as one long list of edges."""
        space, edges = trained.space, len(trained.space.cell.edges)
        gates = torch.cat([trained.gates[kind] for kind in space.cell_kinds])
        columns = [own for kind in space.cell_kinds for own in space.selectable_columns(kind)]
        for way in likeliest(gates, columns, self.candidates):
            parts = {kind: way[edges * place : edges * (place + 1)] for place, kind in enumerate(space.cell_kinds)}
            yield make_genotype(
                space, {kind: cell_choices(space, dict(enumerate(part))) for kind, part in parts.items()}
            )

    def _accuracy(self, trained: Trained, genotype: Genotype, batches: int | None) -> float:
        score = trained.score(trained.architecture.of_genotype(genotype), batches)
        if score is None:
            raise SettingsError(NO_IMAGES)
        return score.accuracy


def _distinct(ranked: Iterable[tuple[float, Genotype]]) -> list[tuple[float, Genotype]]:
    """Each architecture once, where it stands first."""
    found: dict[Genotype, float] = {}
    for accuracy, genotype in ranked:
        found.setdefault(genotype, accuracy)
    return [(accuracy, genotype) for genotype, accuracy in found.items()]


def _while(goes_on: Callable[[object], bool], items: Iterable[T]) -> Iterator[T]:
    """The first item, and the items after it while `goes_on` holds."""
    own = iter(items)
    yield from islice(own, 1)
    yield from takewhile(goes_on, own)


def _whole(trained: Trained) -> dict[str, Chosen]:
    """An architecture as a weight step would draw it, by kind of cells."""
    active = trained.architecture.draw(trained.alphas, trained.generator, of_alpha=False).active
    assert active is not None
    return {
        kind: {row: columns[0] for row, columns in enumerate(active[kind]) if columns}
        for kind in trained.space.cell_kinds
    }
