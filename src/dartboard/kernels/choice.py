"""When the modules here compute by kernels of their own, and when they leave it to torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["has_own_kernels", "is_channels_last_on_cpu", "is_plain", "plain_kernels"]

_plain: ContextVar[bool] = ContextVar("plain_kernels", default=False)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Within, every module is torch's own and shares nothing: the definition to compare with.

    This holds for the calling thread or task alone. A forward pass asks, and the graph that it builds goes backward as
    it was built, in whatever thread that happens.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def is_plain() -> bool:
    """Whether `plain_kernels` are asked for in this thread or task; what torch compiles is never plain."""
    # In this order: torch's compiler cannot follow a context variable, and would break what it compiles in two.
    return not torch.compiler.is_dynamo_compiling() and _plain.get()


def has_own_kernels(x: Tensor) -> bool:
    """Whether a module that reads x, (batch, channels, height, width), runs by its own kernels.

    They are for CPUs and channels last. A compiler makes better ones, and autocast chooses the precision of torch's.
    """
    return (
        is_channels_last_on_cpu(x)
        and not is_plain()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def is_channels_last_on_cpu(x: Tensor) -> bool:
    """Where torch's forward kernels are fast and some of its backward kernels are not."""
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)
