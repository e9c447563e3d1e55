"""What a selection is."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from dartboard.parts.architecture import Architecture
from dartboard.parts.scoring import Scorer
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

__all__ = ["Judged", "Judging", "Selection", "Trained", "make_genotype"]


class Selection(Protocol):
    """Turns the relaxed architecture into a discrete one."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        """Choose an architecture.

        Args:
            space: the search space.
            gates: deterministic gates by name (see `Architecture`), on the CPU; those of operations that an edge does
                not have are 0.
            generator: for selections that draw.
        """
        ...


class Trained(NamedTuple):
    """A search that has ended, for selections that try architectures with its weights.

    Attributes:
        space: the search space.
        architecture: turns alphas and genotypes into what the supernet runs.
        alphas: by name.
        gates: deterministic gates by name, on the CPU.
        score: what any gates are worth on the validation images.
        steps: weight steps that the search took.
        generator: on the CPU.
        note: says something to the user.
        seconds: that trying may take; None: as many as it takes.
    """

    space: SearchSpace
    architecture: Architecture
    alphas: Mapping[str, Tensor]
    gates: Mapping[str, Tensor]
    score: Scorer
    steps: int
    generator: torch.Generator
    note: Callable[[str], None]
    seconds: float | None = None


class Judged(NamedTuple):
    """What a selection has found by trying.

    Attributes:
        genotype: the choice.
        figures: how it came about, for the record: plain numbers, text, lists of them.
    """

    genotype: Genotype
    figures: Mapping[str, Any]


@runtime_checkable
class Judging(Protocol):
    """A `Selection` that tries architectures once the search has ended; after every epoch it guesses from gates."""

    def judge(self, trained: Trained) -> Judged:
        """Try architectures with the weights of the supernet, and choose."""
        ...


def make_genotype(space: SearchSpace, cells: Mapping[str, list[Choice]]) -> Genotype:
    """The genotype of a space with these choices in each kind of cell.

    Where cells join their nodes, those that receive something are joined.
    """
    return Genotype(space.name, tuple((kind, _make_cell(space, cells[kind])) for kind in space.cell_kinds))


def _make_cell(space: SearchSpace, choices: list[Choice]) -> CellGenotype:
    nodes = space.cell.nodes
    receiving = tuple(sorted({choice.target for choice in choices}))
    return CellGenotype(tuple(choices), receiving if space.cell.output == "concat" else (nodes[-1],))
