"""What a relaxation is, and what it knows of the cells that it relaxes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor
from typing_extensions import override

from dartboard.space import CellTopology

__all__ = [
    "Cells",
    "Columns",
    "Deterministic",
    "Draw",
    "DrawsPaths",
    "PerCell",
    "Relaxation",
    "RelaxedCell",
    "SmallStart",
]

Columns = Sequence[Sequence[int]]
"""For every edge the columns of some operations."""


@dataclass(frozen=True)
class RelaxedCell:
    """One kind of cells of a supernet, as its relaxation sees it.

    Attributes:
        kind: of the cells.
        topology: their graph, whose edges are the rows of alpha.
        ops: candidate operations, the columns of alpha.
        live: (edges, operations), bool: which operations an edge has; the gates of the others are 0.
        temperature: what relaxations that anneal divide alpha by; rules set it before every epoch.
    """

    kind: str
    topology: CellTopology
    ops: tuple[str, ...]
    live: Tensor
    temperature: float = 1.0

    @cached_property
    def is_whole(self) -> bool:
        """Whether every edge has every operation; asked once, so that no step waits for the device."""
        return bool(self.live.all())

    @cached_property
    def live_columns(self) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns of its live operations; asked once, as before."""
        return tuple(tuple(column for column, is_live in enumerate(row) if is_live) for row in self.live.tolist())

    @cached_property
    def selectable_columns(self) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns that a discrete cell may take: where edges are dropped, `none` is no choice."""
        left_out = "none" if self.topology.edges_per_node is not None else ""
        return tuple(tuple(column for column in row if self.ops[column] != left_out) for row in self.live_columns)

    @cached_property
    def selectable_mask(self) -> Tensor:
        """The same as (edges, operations), bool, where `live` is."""
        every = range(len(self.ops))
        return self.live.new_tensor([[column in own for column in every] for own in self.selectable_columns])

    @property
    def incoming(self) -> tuple[tuple[int, ...], ...]:
        """For every computed node the rows of the edges that end there."""
        return tuple(self.topology.incoming(node) for node in self.topology.nodes)


Cells = Mapping[str, RelaxedCell]
"""All kinds of cells, by kind."""


class Draw(NamedTuple):
    """The gates of one step.

    Attributes:
        gates: (edges, operations), in the slot `edges` (edges,); of operations that are not run they count for nothing.
        active: for every edge the columns of the operations that are run; None: all.
        offset: what is added to every value of an edge's mixed output, (edges,); None: nothing. Of value zero, it gives
            operations that are not run a gradient (GDAS, arXiv:1910.04465, section 3.2).
    """

    gates: Tensor
    active: tuple[tuple[int, ...], ...] | None = None
    offset: Tensor | None = None


class Relaxation(ABC):
    """Turns the architecture parameters into what multiplies operations, or edges.

    Gates have the shape (edges, operations) in the slot `relaxation` of a recipe, and (edges,) in the slot `edges`.
    Most relaxations look at each kind of cells by itself (`PerCell`).

    Attributes:
        draws: whether a step runs only the operations that it draws.
        draws_whole: whether what a step of the weights runs is an architecture that a search can end with.
        on_simplex: whether alpha itself is shares of one, which only an update on the simplex keeps so.
    """

    draws: ClassVar[bool] = False
    draws_whole: ClassVar[bool] = False
    on_simplex: ClassVar[bool] = False

    @property
    @abstractmethod
    def sums_to_one(self) -> bool:
        """Whether the gates of an edge (in the slot `edges`, of the edges into a node) are shares of one."""

    @abstractmethod
    def initial_alphas(self, cells: Cells, generator: Generator) -> dict[str, Tensor]:
        """The start values by name, drawn on the CPU."""

    @abstractmethod
    def draw_cells(
        self, alphas: Mapping[str, Tensor], cells: Cells, generator: Generator, *, of_alpha: bool
    ) -> dict[str, Draw]:
        """What one step runs, by kind of cells; may be random.

        Args:
            alphas: by name.
            cells: by kind.
            generator: on the CPU.
            of_alpha: whether the loss that follows is alpha's; otherwise it is that of the weights.
        """

    @abstractmethod
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        """Deterministic gates by kind of cells, for validation, selection and reports.

        In the slot `edges` there may be more for selections to look at, by names of its own.
        """

    def settling(
        self,
        alphas: Mapping[str, Tensor],  # noqa: ARG002 - for relaxations that have a say
        cells: Cells,  # noqa: ARG002
        active: Mapping[str, Columns] | None,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Entered before an update moves alpha and left after it; may have a say in where alpha ends.

        Args:
            alphas: by name; they are moved in place.
            cells: by kind.
            active: the operations that the step of alpha ran, by kind; None: all.
        """
        return nullcontext()


class PerCell(Relaxation):
    """A relaxation of each kind of cells by itself, from an alpha that is named after the kind."""

    @abstractmethod
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """The start value, drawn on the CPU; (edges, operations) in the slot `relaxation`."""

    @abstractmethod
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        """What one step runs; may be random.

        Args:
            alpha: the parameters.
            cell: the cells.
            generator: on the CPU.
            of_alpha: whether the loss that follows is alpha's; otherwise it is that of the weights.
        """

    @abstractmethod
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Deterministic gates for validation, selection and reports."""

    @override
    def initial_alphas(self, cells: Cells, generator: Generator) -> dict[str, Tensor]:
        return {kind: self.initial_alpha(cell, generator) for kind, cell in cells.items()}

    @override
    def draw_cells(
        self, alphas: Mapping[str, Tensor], cells: Cells, generator: Generator, *, of_alpha: bool
    ) -> dict[str, Draw]:
        return {kind: self.draw(alphas[kind], cell, generator, of_alpha=of_alpha) for kind, cell in cells.items()}

    @override
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        return {kind: self.mean_gates(alphas[kind], cell) for kind, cell in cells.items()}


@runtime_checkable
class DrawsPaths(Protocol):
    """A relaxation whose weight steps run one operation of each edge, each edge's by itself."""

    def log_probability(self, alpha: Tensor, cell: RelaxedCell, path: Columns) -> Tensor:
        """Log of the chance of a path, a scalar that is differentiable in alpha; edges without an operation count 0."""
        ...


@dataclass(frozen=True)
class SmallStart(PerCell):
    """A relaxation of operations whose alphas start as small normal numbers, so that hardly anything is preferred.

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code of DARTS and its successors.
    """

    initial_scale: float = field(default=1e-3, kw_only=True)

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        return self.initial_scale * torch.randn(cell.live.shape, generator=generator)


class Deterministic(PerCell):
    """A relaxation without chance: the gates of a step are the mean gates."""

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        return Draw(self.mean_gates(alpha, cell))
