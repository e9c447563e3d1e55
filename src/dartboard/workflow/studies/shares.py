"""How many trials this machine carries at a time, and which cores, threads and accelerators each of them gets."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch

from dartboard.devices import available_memory, find_device
from dartboard.errors import SettingsError
from dartboard.wording import count

__all__ = ["TRIAL_BYTES", "Machine", "Shares", "share_out", "this_machine"]

TRIAL_BYTES = 3 * 2**29
"""Memory that is set aside for a trial on the CPU: libraries, images in memory, and a small supernet."""

_GIB = 2**30


@dataclass(frozen=True)
class Machine:
    """What there is to share.

    Attributes:
        cores: numbers of the cores that this process may use; at most as many as its container may keep busy.
        memory: free memory in bytes.
        accelerators: names of accelerators for the variable that hides the others; empty where trials use the CPU.
    """

    cores: tuple[int, ...]
    memory: int
    accelerators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shares:
    """How a machine is shared by the workers.

    Attributes:
        threads: threads of each trial.
        cores: for each worker the cores that it is pinned to.
        accelerators: for each worker the accelerator that it sees; None where trials use the CPU.
        reason: how this came about, in a sentence.
    """

    threads: int
    cores: tuple[tuple[int, ...], ...]
    accelerators: tuple[str | None, ...]
    reason: str

    @property
    def workers(self) -> int:
        """Number of workers."""
        return len(self.cores)


def this_machine(devices: Sequence[str]) -> Machine:
    """What there is on this machine.

    Args:
        devices: the setting `device` of every trial.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    cores = tuple(sorted(allowed))
    memory = available_memory(torch.device("cpu"))
    if (limit := _container_memory()) is not None:
        memory = min(memory, limit)
    return Machine(cores[: _container_cores() or len(cores)], memory, _accelerators(devices))


def share_out(
    machine: Machine,
    trials: int,
    *,
    workers: int | None = None,
    threads: int | None = None,
    recorded: int | None = None,
) -> Shares:
    """Share a machine.

    The threads of a trial do not depend on the number of workers that is asked for, since sums over other numbers of
    threads round otherwise: a study gives the same results with any number of workers.

    Args:
        machine: what there is.
        trials: number of trials that could be made at a time.
        workers: number of workers that is asked for; None for as many as the machine carries.
        threads: threads of each trial that are asked for; None for the share of one of as many workers as it carries.
        recorded: threads of the trials that the study has made already.

    Raises:
        SettingsError: the study began with another number of threads, or a number is too small.
    """
    for name, given in (("workers", workers), ("threads", threads)):
        if given is not None and given < 1:
            raise SettingsError(f"a study needs at least 1 of its {name}, not {given}; correct --{name}.")
    if None not in (threads, recorded) and threads != recorded:
        raise SettingsError(
            f"the trials of this study compute with {count(recorded or 0, 'thread')} each, and with {threads} the rest "
            "would not be comparable to the last digit; leave --threads out, or begin another study."
        )
    cores, fixed = len(machine.cores), recorded or threads
    places, why = _carried(machine, fixed or 1)
    able = max(1, min(places, trials))
    each = fixed or max(1, cores // able)
    number = able if workers is None else workers
    said = f"{count(number, 'trial')} at a time, {count(each, 'thread')} each ({count(cores, 'core')}{why}"
    said += ")." if workers is None else f"; asked for {count(number, 'worker')})."
    seen = [machine.accelerators[place % len(machine.accelerators)] for place in range(number) if machine.accelerators]
    return Shares(each, _pinned(machine.cores, number), tuple(seen or [None] * number), said)


def _carried(machine: Machine, threads: int) -> tuple[int, str]:
    """How many workers a machine carries, and what else than cores was looked at."""
    by_cores = max(1, len(machine.cores) // threads)
    if machine.accelerators:
        number = len(machine.accelerators)
        return min(number, by_cores), f", {count(number, 'accelerator')}"
    by_memory = max(1, machine.memory // TRIAL_BYTES)
    told = f", {machine.memory / _GIB:.1f} GiB of free memory at {TRIAL_BYTES / _GIB:.1f} GiB for a trial"
    return min(by_cores, by_memory), told


def _pinned(cores: tuple[int, ...], workers: int) -> tuple[tuple[int, ...], ...]:
    """Cores for each worker: equal parts, or one core each, shared, where there are more workers than cores."""
    if workers >= len(cores):
        return tuple((cores[place % len(cores)],) for place in range(workers))
    bounds = [place * len(cores) // workers for place in range(workers + 1)]
    return tuple(cores[start:end] for start, end in pairwise(bounds))


def _accelerators(devices: Sequence[str]) -> tuple[str, ...]:
    """The names by which CUDA devices can be made the only visible one; empty names where trials name a device."""
    found = {each for each in map(find_device, set(devices)) if each.type == "cuda"}
    if numbered := [each for each in found if each.index is not None]:
        return ("",) * len(numbered)
    if not found:
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(number) for number in range(torch.cuda.device_count())]
    return tuple(name.strip() for name in names if name.strip())


def _container_cores(place: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """Cores that a container may keep busy; None without a limit."""
    try:
        quota, period = place.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return None


def _container_memory(place: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that a container may still take, files that are kept in memory not counted; None without a limit."""
    try:
        most = int((place / "memory.max").read_text(encoding="ascii"))
        told = dict(line.split() for line in (place / "memory.stat").read_text(encoding="ascii").splitlines())
        return max(0, most - int(told["anon"]))
    except (OSError, ValueError, KeyError):
        return None
