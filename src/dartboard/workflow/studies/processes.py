"""Processes by a name that tells, on their own host, whether they still live; elsewhere it tells nothing."""

import os
import platform
import uuid
from functools import cache
from pathlib import Path

__all__ = ["host", "is_dead", "this_process"]


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


def is_dead(process: str) -> bool:
    """Whether a process is known to be dead; False for one of another host, of which nothing is known.

    Args:
        process: its name, as `this_process` told it there.
    """
    place, _, rest = process.partition("/")
    number, _, started = rest.partition("/")
    if place != _place() or not number.isdigit():
        return False
    if Path("/proc/self/stat").exists():
        return _started(int(number)) != started
    try:
        os.kill(int(number), 0)
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
