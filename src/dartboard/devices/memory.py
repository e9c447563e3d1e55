"""Memory of a process that takes thousands of equal steps: each step needs again what the last one gave back."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

__all__ = ["PeakMemory", "available_memory", "equal_steps", "keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_UNKNOWN = 4 * 2**30
_LARGEST_TRIM = 2**31 - 1
_LARGEST_MMAP, _ALLOWED_MMAP = 2**30, 32 * 2**20
"""Allocations below such a threshold come from the heap: the one wanted, and the largest that every glibc accepts."""


def available_memory(device: torch.device) -> int:
    """Free memory of a device in bytes; where the system does not tell, half of the machine's memory, or 4 GiB."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        if not hasattr(os, "sysconf"):
            return _UNKNOWN
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


class PeakMemory:
    """The largest memory that this process holds on a device from now on.

    It counts what the allocator of an accelerator gives out, and on a processor by how much the resident set of the
    process grows, which Linux tells. Another one that begins in the meantime begins anew for both.

    Args:
        device: where the work is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        give_back_freed_memory()
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now
        self._before = _resident("VmRSS") or 0

    def taken(self) -> int | None:
        """Bytes; None where the system does not tell."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        peak = _resident("VmHWM") if self._device.type == "cpu" else None
        return None if peak is None else max(0, peak - self._before)


def _resident(key: str) -> int | None:
    """A figure of this process's memory, in bytes."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return 1024 * int(lines[key].split()[0])
    except (OSError, KeyError, ValueError):
        return None


@contextmanager
def equal_steps() -> Iterator[None]:
    """A context in which steps wait neither for the system to hand out memory nor for Python to look at old objects.

    Python's garbage collector ignores the objects that exist at the start: imports, data, networks. A step makes
    thousands of short-lived objects, which start the collector, and looking through all other objects each time slows
    a search step. `keep_freed_memory` does the rest.
    """
    keep_freed_memory()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back_freed_memory() -> None:
    """Let the C library give freed memory back to the system, once; on Linux's glibc only.

    What earlier work of this process has freed would otherwise count as held, and later work would seem to need none.
    """
    if sys.platform.startswith("linux") and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def keep_freed_memory() -> None:
    """Let the C library keep freed memory instead of giving it back to the system, from now on; on Linux's glibc only.

    What a step frees at its end would otherwise be mapped and cleared anew, page by page, in the next one.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries of Linux lack it
    if mallopt is not None:
        # Some versions refuse thresholds above 32 MiB, which one map of a wide network in a large batch exceeds.
        if not mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP):
            mallopt(_M_MMAP_THRESHOLD, _ALLOWED_MMAP)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST_TRIM)
