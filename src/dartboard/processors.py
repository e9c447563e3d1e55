"""How the threads of torch wait for one another, which is settled before torch is imported."""

import os
import sys
import time
from pathlib import Path

__all__ = ["busy_cores", "share_from_python", "share_processors", "thread_environment", "what_threads_do"]

_CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
"""Environment variables by which a user sets how threads wait."""

_SPINS = "10000"
"""How often a waiting thread checks before it sleeps (benchmarks/results/sharing.md)."""

_LIMIT = 0.5
_SECONDS = 0.1


class _Here:
    """What is known of this process."""

    late = False
    sentence = ""


def share_processors() -> str:
    """Let the threads of torch sleep while they wait for one another: after a short spin, or at once on busy cores.

    By default a waiting thread spins for a long time, which is fastest on an idle machine. On a busy machine the
    spinning threads take cores from the thread that they wait for, and a step takes several times as long. A short spin
    followed by sleep costs little there (benchmarks/results/sharing.md). OpenMP reads its settings when torch is
    loaded, so this function must be called before torch is imported.

    Returns:
        A sentence for the user about what was done; empty where there is nothing to say.
    """
    if any(name in os.environ for name in _CHOSEN):
        return ""
    if "torch" in sys.modules:
        _Here.late = True
        return ""
    busy = busy_cores()
    if busy < _LIMIT:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
        return ""
    os.environ["OMP_WAIT_POLICY"] = "passive"
    return f"Other programs keep {busy:.1f} cores busy, so threads sleep while they wait (OMP_WAIT_POLICY=passive)."


def share_from_python() -> None:
    """Do what the command line does, before the API imports torch; `what_threads_do` tells it to the first run."""
    _Here.sentence = share_processors() or _Here.sentence


def what_threads_do() -> str:
    """A sentence for the observer of a run on the CPU about waiting threads; empty where there is nothing new to say.

    Where torch was imported before dartboard could settle anything, it says what that costs on a busy machine.
    """
    if _Here.late and (busy := busy_cores()) >= _LIMIT:
        _Here.late = False
        return (
            f"Other programs keep {busy:.1f} cores busy, and torch was imported before dartboard was used, so threads "
            "spin while they wait for one another, and a run can take several times as long; set "
            "OMP_WAIT_POLICY=passive before Python starts."
        )
    sentence, _Here.sentence = _Here.sentence, ""
    return sentence


def thread_environment(threads: int) -> dict[str, str]:
    """Environment variables for a process that is to compute with so many threads, which sleep soon while they wait.

    Args:
        threads: number of threads.
    """
    libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {**dict.fromkeys(libraries, str(threads)), "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", _SPINS)}


def busy_cores(stat: Path = Path("/proc/stat"), seconds: float = _SECONDS) -> float:
    """Number of cores that other programs use while this one sleeps for `seconds`; 0 where the system does not tell.

    Args:
        stat: file with the clock ticks of the cores, in the format of Linux.
        seconds: length of the measurement.
    """
    before = _cpu_times(stat)
    time.sleep(seconds if before else 0.0)
    after = _cpu_times(stat)
    if not before or not after:
        return 0.0
    idle, total = (after[each] - before[each] for each in (0, 1))
    return (os.cpu_count() or 1) * (1 - idle / total) if total else 0.0


def _cpu_times(stat: Path) -> tuple[int, int] | None:
    """Idle clock ticks and all clock ticks, summed over all cores since the machine started; None if unreadable."""
    try:
        ticks = [int(entry) for entry in stat.read_text().partition("\n")[0].split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    except (OSError, ValueError, IndexError):
        return None
