"""The protocol of selections, and what they read and return."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from dartboard.parts.architecture import Architecture
from dartboard.parts.scoring import Scorer
from dartboard.space import CellGenotype, Choice, Genotype, SearchSpace

__all__ = ["Barring", "Drawing", "Judged", "Judging", "Selection", "Trained", "make_genotype"]


class Selection(Protocol):
    """Turns the relaxed architecture into a discrete one."""

    def __call__(self, space: SearchSpace, gates: Mapping[str, Tensor], generator: torch.Generator) -> Genotype:
        """Choose an architecture.

        Args:
            space: the search space.
            gates: deterministic gates by name (see `Architecture`), on the CPU. If an edge lacks an operation, the gate
                is 0.
            generator: for selections that draw at random, on the CPU.
        """
        ...


@runtime_checkable
class Barring(Protocol):
    """A `Selection` that keeps only operations whose gates are large enough."""

    def admitted(self, space: SearchSpace, gates: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cell kind -> which operations may be kept, (edges, operations), bool; the arguments are those of the call."""
        ...


class Trained(NamedTuple):
    """A search that has ended, for selections that try architectures with its weights.

    Attributes:
        space: the search space.
        architecture: turns alphas and genotypes into the gates that the supernet runs.
        alphas: by name.
        gates: deterministic gates by name, on the CPU.
        score: scores any gates on the validation images.
        steps: number of weight steps that the search took.
        generator: on the CPU.
        note: shows a message to the user.
        seconds: time limit of the trials, in seconds; None: no limit.
        admits: which architectures may be tried; None: all.
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
    admits: Callable[[Genotype], bool] | None = None


class Judged(NamedTuple):
    """The result of a selection that tries architectures.

    Attributes:
        genotype: the architecture that was chosen.
        figures: how it was chosen, for the record: plain numbers, text, or lists of them.
    """

    genotype: Genotype
    figures: Mapping[str, Any]


@runtime_checkable
class Judging(Protocol):
    """A `Selection` that tries architectures once the search has ended; after every epoch it only reads the gates."""

    def judge(self, trained: Trained) -> Judged:
        """Try architectures with the weights of the supernet, and choose."""
        ...


@runtime_checkable
class Drawing(Protocol):
    """A `Selection` that draws an architecture at random, whatever the gates are."""

    def draw(self, space: SearchSpace, generator: torch.Generator) -> tuple[Genotype, int]:
        """The architecture, and how many were drawn before it because they let nothing of the images through."""
        ...


def make_genotype(space: SearchSpace, cells: Mapping[str, list[Choice]]) -> Genotype:
    """The genotype of a space with these choices in each kind of cells.

    In a space that concatenates the nodes of a cell, the output of a cell joins the nodes that receive an edge. In
    other spaces the output is the last node.
    """
    return Genotype(space.name, tuple((kind, _make_cell(space, cells[kind])) for kind in space.cell_kinds))


def _make_cell(space: SearchSpace, choices: list[Choice]) -> CellGenotype:
    nodes = space.cell.nodes
    receiving = tuple(sorted({choice.target for choice in choices}))
    return CellGenotype(tuple(choices), receiving if space.cell.output == "concat" else (nodes[-1],))
