"""Readers of the maps inside of a supernet's cells during a forward pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

__all__ = ["CellReader", "OutputReader", "Reader"]

Reader = Callable[[int, int, str, Tensor], None]
"""Reads the output of an operation before its gate: (place of the cell, row of the edge, name, output)."""


class CellReader(Protocol):
    """Sees the maps inside of the cells during a forward pass, which stays what it is."""

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:
        """Called for every edge.

        Args:
            block: number of the block in the network.
            row: row of the edge.
            x: input of the operations, (batch, channels, height, width); with partial channels only these channels.
            outputs: name of every operation that runs -> its output, before its gate.
            mixed: what the edge makes of them, before the weight of the edge.
        """
        ...

    def cell(self, block: int, states: Sequence[Tensor]) -> None:
        """Called at the end of every cell.

        Args:
            block: number of the block in the network.
            states: the maps of all nodes, projected inputs first, each (batch, channels, height, width).
        """
        ...


class OutputReader(NamedTuple):
    """Hands the output of every operation on.

    Attributes:
        read: gets it.
    """

    read: Reader

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:  # noqa: ARG002
        """Hand on the outputs of an edge."""
        for name, output in outputs.items():
            self.read(block, row, name, output)

    def cell(self, block: int, states: Sequence[Tensor]) -> None:
        """Nodes do not matter here."""
