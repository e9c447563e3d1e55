"""The command line as users run it, in a process of its own that starts without the second that importing torch takes.

A server process imports everything once; each command is forked from it, with its own folder, environment and output
files. Signals and exit codes are those of a real process. Tests of the start itself use `python -m dartboard` instead.
"""

import itertools
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from signal import SIG_IGN, SIGKILL, SIGXFSZ, Signals

SOURCE = Path(__file__).resolve().parents[2] / "src"
SMALL = (
    *("--preset", "smoke", "--space", "nas-bench-201", "--device", "cpu"),
    *("--set", "search.steps_per_epoch=2", "--set", "train.epochs=1"),
)
"""Options of a run that takes a second on a few images."""

_numbers = itertools.count()
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *("dartboard.api", "dartboard.cli.app", "dartboard.cli.output", "dartboard.reports", "rich.live"),
        *("sklearn.datasets", "torch._dynamo", "matplotlib.figure", "matplotlib.backends.backend_svg"),
    ]
)


@dataclass(frozen=True)
class Halt:
    """Send `signal` to oneself at the `at`-th thing (from 1) that is about to be written into a run directory."""

    at: int
    signal: Signals = SIGKILL


@dataclass(frozen=True)
class Outcome:
    """How a command ended; a negative code is the signal that killed it."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line on standard error."""
        return self.err.rstrip("\n").rpartition("\n")[2]


class Command:
    """`dartboard ARGUMENTS` at work.

    Args:
        arguments: what is typed.
        folder: where; the output is kept beside it.
        environment: variables on top of the test's own.
        halt: when to stop or kill itself.
        file_limit: bytes beyond which no file can grow, as on a full disk.
    """

    def __init__(
        self,
        *arguments: object,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        halt: Halt | None = None,
        file_limit: int | None = None,
    ) -> None:
        number = next(_numbers)
        self._outputs = (folder.parent / f"{number}.out", folder.parent / f"{number}.err")
        os.environ["PYTHONPATH"] = str(SOURCE)
        forkserver.ensure_running()
        self.process = _context.Process(
            target=_work,
            args=([str(each) for each in arguments], folder, dict(environment or {}), self._outputs, halt, file_limit),
        )
        self.process.start()

    def send(self, number: Signals) -> None:
        """Send a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to be true while the command runs."""
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.is_alive(), f"the command ended before that: {self.end().err}"
            assert time.monotonic() < deadline, "waited in vain for a minute"
            time.sleep(0.002)

    def end(self) -> Outcome:
        """Wait for the end."""
        self.process.join(120)
        code = self.process.exitcode
        assert code is not None, "the command did not end in two minutes"
        self.process.close()
        out, err = (path.read_text(encoding="utf-8") for path in self._outputs)
        return Outcome(code, out, err)


def _work(
    arguments: list[str],
    folder: Path,
    environment: Mapping[str, str],
    outputs: tuple[Path, Path],
    halt: Halt | None,
    file_limit: int | None,
) -> None:
    from dartboard.cli import main

    os.environ.update({"OMP_NUM_THREADS": "1", **environment})
    os.chdir(folder)
    for number, path in zip((1, 2), outputs, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if halt is not None:
        _arrange(halt)
    if file_limit is not None:
        signal.signal(SIGXFSZ, SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    # Whatever runs the tests may ignore Ctrl-C, as shells do for what they start in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["dartboard", *arguments]
    main()


def _arrange(halt: Halt) -> None:
    """Count the files that are renamed into place and the lines added to events.jsonl."""
    written = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal written
        renamed = event == "os.rename" and "/." in str(arguments[0])
        if renamed or (event == "open" and str(arguments[0]).endswith("events.jsonl") and str(arguments[1])[0] == "a"):
            written += 1
            if written == halt.at:
                os.kill(os.getpid(), halt.signal)

    sys.addaudithook(watch)
