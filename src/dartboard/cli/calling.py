"""One call of the API for each command, with a display on standard error and the result on standard output."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dartboard.cli.ending import stoppable
from dartboard.cli.options import SearchOptions, TrainOptions

if TYPE_CHECKING:
    from dartboard.runs import Observer

__all__ = ["at_work", "busy_cores", "make", "make_run", "resumable", "share_processors", "typed"]


_CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
"""Environment variables by which a user sets how threads wait."""

_SPINS = "10000"
"""How often a waiting thread checks before it sleeps (benchmarks/results/sharing.md)."""

_LIMIT = 0.5
_SECONDS = 0.1


def share_processors() -> str:
    """Let the threads of torch sleep while they wait for one another: after a short spin, or at once on busy cores.

    By default a waiting thread spins for a long time, which is fastest on an idle machine. On a busy machine the
    spinning threads take cores from the thread that they wait for, and a step takes several times as long. A short spin
    followed by sleep costs little there (benchmarks/results/sharing.md). OpenMP reads its settings when torch is
    loaded, so this function must be called before torch is imported.

    Returns:
        A sentence for the user about what was done; empty where there is nothing to say.
    """
    if "torch" in sys.modules or any(name in os.environ for name in _CHOSEN):
        return ""
    busy = busy_cores()
    if busy < _LIMIT:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
        return ""
    os.environ["OMP_WAIT_POLICY"] = "passive"
    return f"Other programs keep {busy:.1f} cores busy, so threads sleep while they wait (OMP_WAIT_POLICY=passive)."


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


def typed() -> str:
    """The command line that the user typed."""
    return shlex.join(["dartboard", *sys.argv[1:]])


def resumable(out: Path | None, *, resume: bool) -> AbstractContextManager[None]:
    """A context that tells how to go on if the work in it is interrupted, by the whole of the command.

    Args:
        out: the run directory that the user named, if any.
        resume: whether the command says already that it resumes a run.
    """

    def command(place: Path) -> str:
        named = [] if out else ["--out", str(place)]
        return shlex.join(["dartboard", *sys.argv[1:], *named, *([] if resume else ["--resume"])])

    return stoppable(command)


@contextmanager
def at_work() -> Iterator[tuple[Any, "Observer"]]:
    """The API, and a display on standard error that shows its progress."""
    note = share_processors()
    from dartboard import api
    from dartboard.display import make_display

    with make_display(Console(stderr=True)) as display:
        if note:
            display.note(note)
        yield api, display


def make_run(verb: str, options: SearchOptions | TrainOptions, **further: str) -> None:
    """Call a verb of the API that makes a run from a dataset and layers of settings, and print the result."""
    layers = options.layers()
    make(verb, options.data, *layers, out=options.out, resume=options.resume, as_json=options.as_json, **further)


def make(verb: str, *arguments: Any, out: Path | None, resume: bool, as_json: bool, **further: str) -> None:
    """Call a verb of the API with a display on standard error, then print the result on standard output."""
    from dartboard.cli.output import print_result

    with resumable(out, resume=resume), at_work() as (api, display):
        result = getattr(api, verb)(*arguments, out=out, resume=resume, observer=display, command=typed(), **further)
    print_result(result, as_json=as_json)
