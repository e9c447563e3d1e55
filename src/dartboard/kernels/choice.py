"""When the modules here compute by kernels of their own, and when they leave it to torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["has_own_kernels", "is_channels_last_on_cpu", "is_plain", "plain_kernels"]

_plain = False


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Within, every module is torch's own and shares nothing: the definition to compare with."""
    global _plain
    before, _plain = _plain, True
    try:
        yield
    finally:
        _plain = before


def is_plain() -> bool:
    """Whether `plain_kernels` are asked for."""
    return _plain


def has_own_kernels(x: Tensor) -> bool:
    """Whether a module that reads x, (batch, channels, height, width), runs by its own kernels.

    They are for CPUs and channels last. A compiler makes better ones, and autocast chooses the precision of torch's.
    """
    return not (
        _plain or not is_channels_last_on_cpu(x) or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling()
    )


def is_channels_last_on_cpu(x: Tensor) -> bool:
    """Where torch's forward kernels are fast and some of its backward kernels are not."""
    return x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last)
