"""Work recorded once on a device and repeated there, without the Python that asked for it."""

from collections.abc import Callable
from typing import Protocol

import torch

__all__ = ["GRAPHS", "Graph", "make_graph"]


class Graph(Protocol):
    """What a device is asked to do, in fixed places of its memory."""

    def warm_up(self, run: Callable[[], None]) -> None:
        """Run something like what is captured next, so that what is made once is made."""
        ...

    def capture(self, run: Callable[[], None]) -> None:
        """Record what `run` asks of the device; nothing of it is carried out.

        Raises:
            RuntimeError: it cannot be recorded; most likely the host waits for the device on the way.
        """
        ...

    def replay(self) -> None:
        """Carry out what was recorded, on what lies in the same places now."""
        ...


class CudaGraph:
    """A CUDA graph: thousands of launches for the price of one.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, run: Callable[[], None]) -> None:
        """See `Graph`. On a stream of its own, as torch asks for before a capture."""
        main = torch.cuda.current_stream(self._device)
        side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        side.wait_stream(main)
        with torch.cuda.stream(side):
            run()
        main.wait_stream(side)

    def capture(self, run: Callable[[], None]) -> None:
        """See `Graph`. Other threads, which read images ahead, may use CUDA meanwhile."""
        with torch.cuda.device(self._device), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            run()

    def replay(self) -> None:
        """See `Graph`."""
        self._graph.replay()


GRAPHS: dict[str, Callable[[torch.device], Graph]] = {"cuda": CudaGraph}
"""Type of a device -> how its graphs are made."""


def make_graph(device: torch.device) -> Graph | None:
    """An empty graph, or None where the device records nothing."""
    make = GRAPHS.get(device.type)
    return None if make is None else make(device)
