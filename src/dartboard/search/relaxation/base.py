"""What a relaxation is, and what it knows of the cells that it relaxes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from torch import Generator, Tensor

from dartboard.space import CellTopology

__all__ = ["Deterministic", "Relaxation", "RelaxedCell", "SharesSets"]


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

    @property
    def incoming(self) -> tuple[tuple[int, ...], ...]:
        """For every computed node the rows of the edges that end there."""
        return tuple(self.topology.incoming(node) for node in self.topology.nodes)


class Relaxation(Protocol):
    """Turns the architecture parameters of a kind of cells into what multiplies operations, or edges.

    In the slot `relaxation` of a recipe alpha and gates have the shape (edges, operations); in the slot `edges` gates
    have the shape (edges,) and alpha is the relaxation's own affair.
    """

    @property
    def sums_to_one(self) -> bool:
        """Whether the gates of an edge (in the slot `edges`, of the edges into a node) are shares of one."""
        ...

    on_simplex: bool
    """Whether alpha itself is such shares, which only an update on the simplex keeps so."""

    def initial_alpha(self, cell: RelaxedCell, generator: Generator) -> Tensor:
        """The start value, drawn on the CPU."""
        ...

    def gates(self, alpha: Tensor, cell: RelaxedCell, generator: Generator) -> Tensor:
        """Gates for one step; may be random."""
        ...

    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """Deterministic gates for validation, selection and reports."""
        ...


@runtime_checkable
class SharesSets(Protocol):
    """A relaxation for the slot `edges` that weighs sets of edges; selections look at their shares."""

    def set_shares(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """The shares of all sets, node by node, (sets,); those of a node sum to one."""
        ...


class Deterministic(ABC):
    """A relaxation without chance: the gates of a step are the mean gates."""

    def gates(self, alpha: Tensor, cell: RelaxedCell, generator: Generator) -> Tensor:  # noqa: ARG002 - nothing is drawn
        """See `mean_gates`."""
        return self.mean_gates(alpha, cell)

    @abstractmethod
    def mean_gates(self, alpha: Tensor, cell: RelaxedCell) -> Tensor:
        """See `Relaxation.mean_gates`."""
