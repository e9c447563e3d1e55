"""Operations whose weights rest for good, while they still run and hand gradients on."""

from collections.abc import Iterable, Mapping

from torch import Tensor

__all__ = ["OperationPlace", "RestingOperations"]

OperationPlace = tuple[int, int, str]
"""Place of a candidate operation: the place of its cell in the network, the row of its edge, and its name."""


class RestingOperations:
    """The operations of a supernet whose weights no longer move: neither by steps, nor by momentum or decay.

    An operation that rests runs on; its alpha and everything before it still get gradients. Each operation of each cell
    rests by itself, although the cells of a kind share their alpha. An operation never moves again once it rests.

    Args:
        operations: the names of the weights of every operation that may rest (`StageAccess.operation_weights`).
    """

    def __init__(self, operations: Mapping[OperationPlace, tuple[str, ...]]) -> None:
        self._operations = operations
        self._places: set[OperationPlace] = set()
        self._names: set[str] = set()

    @property
    def places(self) -> list[OperationPlace]:
        """Those that rest, sorted."""
        return sorted(self._places)

    def rest(self, places: Iterable[OperationPlace]) -> None:
        """Let further operations rest from the next step on."""
        for place in places:
            self._places.add(place)
            self._names |= set(self._operations[place])

    def without(self, gradients: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
        """The gradients of the weights by name, None for those that rest (`StageHook.weight_gradients`)."""
        return {name: None if name in self._names else gradient for name, gradient in gradients.items()}

    @property
    def figures(self) -> dict[str, float]:
        """How many rest: `resting_operations`, and how many of each name and in each cell, for the record."""
        counts = {"resting_operations": float(len(self._places))}
        for cell, _, op in self.places:
            for name in (f"resting_{op}", f"resting_in_block_{cell}"):
                counts[name] = counts.get(name, 0.0) + 1
        return counts

    def state(self) -> list[list[int | str]]:
        """Those that rest, as plain data for a checkpoint."""
        return [list(place) for place in self.places]

    def restore(self, saved: Iterable[Iterable[int | str]]) -> None:
        """Let those rest that `state` gave, and no others."""
        self._places, self._names = set(), set()
        self.rest((int(cell), int(row), str(op)) for cell, row, op in saved)
