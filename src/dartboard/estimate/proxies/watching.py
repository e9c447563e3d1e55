"""What goes into the ReLUs of a network, wherever they are written: as modules or as functions."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from dartboard.estimate.proxies.protocol import Untrained

__all__ = ["has_no_relu", "watch_relus"]

_ATEN = torch.ops.aten
_RELUS = {_ATEN.relu.default, _ATEN.relu_.default}
_CLIPPED = {_ATEN.hardtanh.default, _ATEN.hardtanh_.default}
"""ReLU6 is a clipping between 0 and 6."""


class _Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, take: Callable[[Tensor], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._take = take

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _RELUS or (func in _CLIPPED and len(args) > 1 and args[1] == 0):
            self._take(args[0].detach())
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def watch_relus(
    network: nn.Module | Callable[[Tensor], object], images: Tensor, take: Callable[[Tensor], None]
) -> None:
    """Run a network once, without gradients, and hand over the input of every ReLU in the order of their calls.

    Args:
        network: what is called with the images.
        images: (batch, channels, height, width).
        take: is called with each input, (batch, ...), before the ReLU; it may not keep or change it.
    """
    with _Watching(take):
        network(images)


def has_no_relu(untrained: Untrained) -> str:
    """The reason why a network cannot have a proxy that counts the signs of ReLUs; empty where it has some."""
    found: list[bool] = []
    watch_relus(untrained.network(), untrained.conditions.images[:2], lambda _: found.append(True))
    return "" if found else "it has no ReLU whose signs could be counted"
