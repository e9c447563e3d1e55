"""When the modules of this package use their own kernels, and when they use those of torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["has_own_kernels", "is_channels_last_on_cpu", "is_plain", "plain_kernels"]

_plain: ContextVar[bool] = ContextVar("plain_kernels", default=False)


@contextmanager
def plain_kernels() -> Iterator[None]:
    """A context in which every module computes with torch's own kernels: the definition to compare with.

    The context holds only for the calling thread or task. It is read in the forward pass. The backward pass follows the
    graph that the forward pass has built, in any thread.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def is_plain() -> bool:
    """Whether this thread or task is inside of `plain_kernels`; always False while torch compiles."""
    # In this order: torch's compiler cannot follow a context variable, and would break the compiled graph in two.
    return not torch.compiler.is_dynamo_compiling() and _plain.get()


def has_own_kernels(x: Tensor) -> bool:
    """Whether a module that reads x, (batch, channels, height, width), uses its own kernels.

    Our kernels are for CPUs and channels last. A compiler makes better ones, and autocast only chooses the precision of
    torch's kernels.
    """
    return (
        is_channels_last_on_cpu(x)
        and not is_plain()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def is_channels_last_on_cpu(x: Tensor) -> bool:
    """Whether x is channels last on a CPU: there torch's forward kernels are fast, but some backward kernels slow."""
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)
