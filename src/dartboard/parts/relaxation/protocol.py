"""What a relaxation is, and what it knows of the cells that it relaxes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from dartboard.space import CellTopology

__all__ = [
    "Columns",
    "Deterministic",
    "Draw",
    "DrawsPaths",
    "JointRelaxation",
    "Relaxation",
    "RelaxedCell",
    "Settles",
    "SharesSets",
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


class Relaxation(Protocol):
    """Turns the architecture parameters of a kind of cells into what multiplies operations, or edges.

    In the slot `relaxation` of a recipe alpha and gates have the shape (edges, operations); in the slot `edges` gates
    have the shape (edges,) and alpha is the relaxation's own affair.
    """

    @property
    def sums_to_one(self) -> bool:
        """Whether the gates of an edge (in the slot `edges`, of the edges into a node) are shares of one."""
        ...

    draws: bool
    """Whether a step runs only the operations that it draws."""

    on_simplex: bool
    """Whether alpha itself is such shares, which only an update on the simplex keeps so."""

    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """The start value, drawn on the CPU."""
        ...

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        """What one step runs; may be random.

        Args:
            alpha: of the cell.
            cell: whose live operations alone may be drawn.
            generator: on the CPU.
            of_alpha: whether the loss that follows is alpha's; otherwise it is that of the weights.
        """
        ...

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Deterministic gates for validation, selection and reports."""
        ...


@runtime_checkable
class JointRelaxation(Protocol):
    """A relaxation that draws all kinds of cells together, from alphas under names of its own.

    For the slot `relaxation`, where it takes the place of a `Relaxation`; the three attributes are as there.
    """

    @property
    def sums_to_one(self) -> bool:
        """See `Relaxation`."""
        ...

    draws: bool
    on_simplex: bool

    def initial_alphas(self, cells: Mapping[str, RelaxedCell], generator: Generator) -> dict[str, Tensor]:
        """The start values by name, drawn on the CPU."""
        ...

    def draw_cells(
        self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell], generator: Generator
    ) -> dict[str, Draw]:
        """What one step runs, by kind; the generator is on the CPU."""
        ...

    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> dict[str, Tensor]:
        """Deterministic gates by kind, for validation, selection and reports."""
        ...


@runtime_checkable
class SharesSets(Protocol):
    """A relaxation for the slot `edges` that weighs sets of edges; selections look at their shares."""

    def set_shares(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The shares of all sets, node by node, (sets,); those of a node sum to one."""
        ...


@runtime_checkable
class Settles(Protocol):
    """A relaxation that has a say in where an update leaves alpha."""

    def settle(self, before: Tensor, after: Tensor, cell: RelaxedCell, active: Columns | None) -> Tensor:
        """Alpha as it is to be.

        Args:
            before: alpha before the update, (edges, operations).
            after: alpha after it.
            cell: of the alpha.
            active: the operations that the step of alpha ran; None: all.
        """
        ...


@runtime_checkable
class DrawsPaths(Protocol):
    """A relaxation whose weight steps run one operation of each edge, each edge's by itself."""

    def log_probability(self, alpha: Tensor, cell: RelaxedCell, path: Columns) -> Tensor:
        """Log of the chance of a path, a scalar that is differentiable in alpha; edges without an operation count 0."""
        ...


@dataclass(frozen=True)
class SmallStart:
    """A relaxation of operations whose alphas start as small normal numbers, so that hardly anything is preferred.

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code of DARTS and its successors.
    """

    initial_scale: float = field(default=1e-3, kw_only=True)

    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """See the class; (edges, operations)."""
        return self.initial_scale * torch.randn(cell.live.shape, generator=generator)


class Deterministic(ABC):
    """A relaxation without chance: the gates of a step are the mean gates."""

    draws = False

    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:  # noqa: ARG002 - nothing is drawn
        """See `mean_gates`."""
        return Draw(self.mean_gates(alpha, cell))

    @abstractmethod
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """See `Relaxation.mean_gates`."""
