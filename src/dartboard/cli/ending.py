"""How a command ends: with an exit code, and with one sentence on standard error where it did not do what was asked.

0: it did; 1: dartboard is at fault, and a log file tells how; 2: it cannot be done as it was asked; 128 and more: a
signal has ended it.
"""

import re
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

import typer
from rich.console import Console
from rich.text import Text

from dartboard.cli.streams import prepare_streams, silence
from dartboard.errors import DartboardError, DartboardWarning, Interrupted, fault_log, write_fault
from dartboard.places import settle_in

__all__ = ["Stopped", "stoppable", "to_its_end"]

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What schedulers send before they kill a program, and what a terminal sends when it is closed."""

_INTERRUPTED = 130
"""Exit code after Ctrl-C."""

_NO_MEMORY = "this machine has too little memory for that; close other programs, or ask for less."

_NOTHING_DONE = "interrupted before anything was recorded; give the same command again."


class Stopped(Exception):
    """The user or a signal has stopped the work; the message is the sentence that tells how to go on."""


class _Received:
    """The signal that has come, if any."""

    number: int | None = None


def to_its_end(command: Callable[[], int | None]) -> None:
    """Carry out a command, and leave the program with its exit code.

    Args:
        command: does the work; returns an exit code, None for 0.
    """
    prepare_streams()
    settle_in()
    _tell_warnings()
    sentence = ""
    with _signals():
        try:
            code = command() or 0
            sys.stdout.flush()
            if code == _INTERRUPTED:  # typer has caught it
                raise KeyboardInterrupt
        except (Stopped, KeyboardInterrupt) as stopped:
            sentence, code = str(stopped) or _NOTHING_DONE, 128 + (_Received.number or signal.SIGINT)
        except typer.TyperException as error:
            message = error.format_message()
            sentence, code = f"{message[:1].lower()}{message[1:]} (see dartboard --help)", 2
        except DartboardError as error:
            sentence, code = str(error), 2
        except OSError as error:
            sentence, code = f"{error.filename or 'a file'} cannot be used: {error.strerror or error}.", 2
            silence(1)  # it may be standard output that cannot be written, and Python would try it again at the end
        except Exception as error:  # noqa: BLE001 - a fault of ours, which reaches the user as a sentence too
            sentence, code = (_NO_MEMORY, 2) if _lacks_memory(error) else (_own_fault(error), 1)
    if sentence:
        _say(sentence)
    sys.exit(code)


@contextmanager
def stoppable(resume: Callable[[Path], str]) -> Iterator[None]:
    """Turn an interruption into a sentence that names the run directory and the command that goes on.

    Args:
        resume: the command that goes on with the run in a directory.

    Raises:
        Stopped: the work was interrupted.
    """
    try:
        yield
    except Interrupted as error:
        raise Stopped(
            f"interrupted; what is done is kept in {error.directory}, and this goes on with it: "
            f"{resume(error.directory)}"
        ) from error
    except KeyboardInterrupt as error:
        raise Stopped(_NOTHING_DONE) from error


@contextmanager
def _signals() -> Iterator[None]:
    """Let the signals that ask a program to end interrupt it as Ctrl-C does, so that it ends in order."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        _Received.number = number
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _tell_warnings() -> None:
    """Show our own warnings as sentences, without the line of code that they come from."""
    shown = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, DartboardWarning):
            _say(f"warning: {message}", style="bold yellow")
        else:
            shown(message, category, filename, lineno, file, line)

    warnings.showwarning = show


def _lacks_memory(error: Exception) -> bool:
    """Whether memory ran out, for which torch has an error of its own on each kind of device."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error) or "out of memory" in str(error)


def _own_fault(error: Exception) -> str:
    """The sentence about an error that is not meant for users; all of it is in a log file that the sentence names."""
    what = " ".join(f"{type(error).__name__}: {error}".split())
    log = fault_log(error)  # in the run directory, if there is one
    if log is None:
        with suppress(OSError):
            log = write_fault(Path(tempfile.mkdtemp(prefix="dartboard-")), error)
    where = f"all about it is in {log}" if log else "there is no place to write all about it to"
    return f"dartboard itself failed, which is not your fault ({what[:200]}); {where}; please report it."


def _say(sentence: str, style: str = "bold red") -> None:
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", sentence).strip()
    Console(stderr=True).print(Text.assemble(("dartboard:", style), " ", line), soft_wrap=True)
