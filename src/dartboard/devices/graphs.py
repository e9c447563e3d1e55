"""Work that is recorded once on a device and repeated there without running Python again."""

from collections.abc import Callable
from typing import Protocol

import torch

__all__ = ["GRAPHS", "Graph", "make_graph"]


class Graph(Protocol):
    """Recorded work of a device, which always reads and writes the same places of its memory."""

    def warm_up(self, run: Callable[[], None]) -> None:
        """Run work like that to be captured, so that whatever is set up at the first use exists before the capture."""
        ...

    def capture(self, run: Callable[[], None]) -> None:
        """Record what `run` asks of the device, without carrying it out.

        Raises:
            RuntimeError: `run` cannot be recorded, most likely because it makes the host wait for the device.
        """
        ...

    def replay(self) -> None:
        """Carry out the recorded work on the present content of the same places."""
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
        """Run `run` on a stream of its own, which torch requires before a capture."""
        main = torch.cuda.current_stream(self._device)
        side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        side.wait_stream(main)
        with torch.cuda.stream(side):
            run()
        main.wait_stream(side)

    def capture(self, run: Callable[[], None]) -> None:
        """Record what `run` asks of the device; other threads, which read images ahead, may use CUDA meanwhile.

        Raises:
            RuntimeError: `run` cannot be recorded.
        """
        with torch.cuda.device(self._device), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            run()

    def replay(self) -> None:
        """Launch the recorded work on the current stream."""
        self._graph.replay()


GRAPHS: dict[str, Callable[[torch.device], Graph]] = {"cuda": CudaGraph}
"""Type of a device -> how its graphs are made."""


def make_graph(device: torch.device) -> Graph | None:
    """An empty graph, or None where the device records nothing."""
    make = GRAPHS.get(device.type)
    return None if make is None else make(device)
