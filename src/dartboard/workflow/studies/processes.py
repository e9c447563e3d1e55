"""Processes by a name that tells, on their own host, whether they still live; elsewhere it tells nothing."""

import os
import platform
import uuid
from functools import cache
from pathlib import Path

__all__ = ["host", "is_dead", "number_here", "this_process"]


def host() -> str:
    """Name of this host, for people."""
    return platform.node() or "a host without a name"


@cache
def _place() -> str:
    """Where a process number means this process: this start of this machine, and its view of processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Containers of one machine count their processes separately.
        return f"{boot}.{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - it is no path
    except OSError:
        return f"{platform.node()}.{uuid.getnode():x}"


def this_process() -> str:
    """The name of this process."""
    return f"{_place()}/{os.getpid()}/{_started(os.getpid()) or ''}"


def number_here(process: str) -> int | None:
    """The number of a process of this host by its name; None for one of another host."""
    place, _, rest = process.partition("/")
    number = rest.partition("/")[0]
    return int(number) if place == _place() and number.isdigit() else None


def is_dead(process: str) -> bool:
    """Whether a process is known to be dead; False for one of another host, of which nothing is known.

    Args:
        process: its name, as `this_process` told it there.
    """
    number = number_here(process)
    if number is None:
        return False
    if Path("/proc/self/stat").exists():
        return _started(number) != process.rpartition("/")[2]
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _started(number: int) -> str | None:
    """When a process started, in ticks since the start of the machine; None if it has ended, or cannot be told."""
    try:
        told = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *rest = told.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]
