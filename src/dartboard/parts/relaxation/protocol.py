"""The protocol of relaxations, and the cells that they relax."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor
from typing_extensions import override

from dartboard.space import CellGenotype, CellTopology

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
    """One kind of cells of a supernet, with what a relaxation needs to know about it.

    Attributes:
        kind: kind of the cells.
        topology: graph of the cells; its edges are the rows of alpha.
        ops: candidate operations, the columns of alpha.
        live: (edges, operations), bool: which operations an edge has; the gates of the others are 0.
        temperature: relaxations that anneal divide alpha by it; rules set it before every epoch.
    """

    kind: str
    topology: CellTopology
    ops: tuple[str, ...]
    live: Tensor
    temperature: float = 1.0

    @cached_property
    def is_whole(self) -> bool:
        """Whether every edge has every operation; read once, so that no step waits for the device."""
        return bool(self.live.all())

    @cached_property
    def live_columns(self) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns of its live operations; read once, so that no step waits for the device."""
        return tuple(tuple(column for column, is_live in enumerate(row) if is_live) for row in self.live.tolist())

    @cached_property
    def selectable_columns(self) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns that a discrete cell may take: not `none` if the space drops edges."""
        left_out = "none" if self.topology.edges_per_node is not None else ""
        return tuple(tuple(column for column in row if self.ops[column] != left_out) for row in self.live_columns)

    @cached_property
    def selectable_mask(self) -> Tensor:
        """The same as a mask, (edges, operations), bool, on the device of `live`."""
        return self.marked(self.selectable_columns)

    def columns_of(self, discrete: CellGenotype) -> tuple[tuple[int, ...], ...]:
        """For every edge the columns of the operations that a discrete cell has there."""
        chosen: list[set[int]] = [set() for _ in self.topology.edges]
        for choice in discrete.choices:
            chosen[self.topology.row(choice.target, choice.source)].add(self.ops.index(choice.op))
        return tuple(tuple(sorted(columns)) for columns in chosen)

    def marked(self, columns: Columns) -> Tensor:
        """Which entries are among the columns of their edge, (edges, operations), bool, on the device of `live`."""
        every = range(len(self.ops))
        return self.live.new_tensor([[column in own for column in every] for own in columns])

    @property
    def incoming(self) -> tuple[tuple[int, ...], ...]:
        """For every computed node the rows of the edges that end there."""
        return tuple(self.topology.incoming(node) for node in self.topology.nodes)


Cells = Mapping[str, RelaxedCell]
"""All kinds of cells, by kind."""


class Draw(NamedTuple):
    """The gates of one step.

    Attributes:
        gates: (edges, operations), or (edges,) in the slot `edges`; the gates of operations that are not run are
            ignored.
        active: for every edge the columns of the operations that are run; None: all.
        offset: a number that is added to every value of an edge's mixed output, (edges,); None: nothing. Its value is
            zero, but it gives a gradient to operations that are not run (GDAS, arXiv:1910.04465, section 3.2).
    """

    gates: Tensor
    active: tuple[tuple[int, ...], ...] | None = None
    offset: Tensor | None = None


class Relaxation(ABC):
    """Turns alpha, the architecture parameters, into gates, which multiply operations or edges.

    Gates have the shape (edges, operations) in the slot `relaxation` of a recipe, and (edges,) in the slot `edges`.
    Most relaxations treat each kind of cells separately (`PerCell`).

    Attributes:
        draws: whether a step runs only the operations that it draws.
        draws_whole: whether a weight step runs an architecture that a search can end with.
        on_simplex: whether alpha itself is a distribution, which only an update on the simplex preserves.
        has_slopes: whether the deterministic gates have derivatives in alpha.
    """

    draws: ClassVar[bool] = False
    draws_whole: ClassVar[bool] = False
    on_simplex: ClassVar[bool] = False
    has_slopes: ClassVar[bool] = True

    @property
    @abstractmethod
    def sums_to_one(self) -> bool:
        """Whether the gates of an edge sum to one; in the slot `edges`, whether those of the edges into a node do."""

    @abstractmethod
    def initial_alphas(self, cells: Cells, generator: Generator) -> dict[str, Tensor]:
        """The start values of all alphas by name, drawn on the CPU."""

    @abstractmethod
    def draw_cells(
        self, alphas: Mapping[str, Tensor], cells: Cells, generator: Generator, *, of_alpha: bool
    ) -> dict[str, Draw]:
        """The gates of one step, by kind of cells; may be random.

        Args:
            alphas: by name.
            cells: by kind.
            generator: on the CPU.
            of_alpha: True for a step of alpha, False for a step of the weights.
        """

    @abstractmethod
    def mean_cells(self, alphas: Mapping[str, Tensor], cells: Cells) -> dict[str, Tensor]:
        """Deterministic gates by kind of cells, for validation, selection and reports.

        A relaxation in the slot `edges` may add tensors for selections, by other names.
        """

    def settling(
        self,
        alphas: Mapping[str, Tensor],  # noqa: ARG002 - for relaxations that have a say
        cells: Cells,  # noqa: ARG002
        active: Mapping[str, Columns] | None,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """A context around an update of alpha, in which the relaxation can correct the result.

        Args:
            alphas: by name; they are moved in place.
            cells: by kind.
            active: the operations that the alpha step ran, by kind; None: all.
        """
        return nullcontext()


class PerCell(Relaxation):
    """A relaxation that treats each kind of cells separately; each has one alpha, named after the kind."""

    @abstractmethod
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """The start value, drawn on the CPU; (edges, operations) in the slot `relaxation`."""

    def lean(self, alpha: Tensor, cell: RelaxedCell, discrete: CellGenotype, lead: float) -> Tensor:
        """A start value that leans towards a discrete cell, in the shape of alpha: the cell's operations get the lead.

        Args:
            alpha: the start value without a lead, on the CPU.
            cell: the cells that have this alpha.
            discrete: the discrete cell.
            lead: what is added before a softmax; an alpha that is a share is multiplied by its exponential instead.
        """
        return alpha + lead * cell.marked(cell.columns_of(discrete)).cpu()

    @abstractmethod
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        """The gates of one step; may be random.

        Args:
            alpha: the parameters of this kind of cells.
            cell: the cells.
            generator: on the CPU.
            of_alpha: True for a step of alpha, False for a step of the weights.
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
    """A relaxation with weight steps that run one operation of each edge, drawn independently for every edge."""

    def log_probability(self, alpha: Tensor, cell: RelaxedCell, path: Columns) -> Tensor:
        """Log of a path's probability, a scalar, differentiable in alpha; edges without an operation add 0."""
        ...


@dataclass(frozen=True)
class SmallStart(PerCell):
    """A relaxation of operations; its alphas start as small normal numbers, so that no operation is much preferred.

    Attributes:
        initial_scale: standard deviation of the start values; 1e-3 in the authors' code of DARTS and its successors.
    """

    initial_scale: float = field(default=1e-3, kw_only=True)

    @override
    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        return self.initial_scale * torch.randn(cell.live.shape, generator=generator)


class Deterministic(PerCell):
    """A relaxation without randomness: the gates of a step are the mean gates."""

    @override
    def draw(self, alpha: Tensor, cell: RelaxedCell, generator: Generator, *, of_alpha: bool) -> Draw:
        return Draw(self.mean_gates(alpha, cell))
