"""How a command ends: its exit code and its sentence, whatever has happened."""

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from dartboard.cli.ending import stoppable, to_its_end
from dartboard.errors import DartboardWarning, DataError, Interrupted, fault_log
from dartboard.runs import RunDirectory


def end_of(command: Callable[[], int | None], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and standard error of a command."""
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        to_its_end(command)
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (DataError("there is no dataset\nat x\x1b[31m."), 2, "dartboard: there is no dataset at x [31m.\n"),
        (PermissionError(13, "Permission denied", "x.png"), 2, "dartboard: x.png cannot be used: Permission denied.\n"),
        (OSError(28, "No space left on device"), 2, "dartboard: a file cannot be used: No space left on device.\n"),
        (MemoryError(), 2, "dartboard: this machine has too little memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory"),
            2,
            "dartboard: this machine has too little memory",
        ),
        (KeyboardInterrupt(), 130, "dartboard: interrupted before anything was recorded"),
        (ZeroDivisionError("division by\nzero"), 1, "dartboard: dartboard itself failed, which is not your fault"),
    ],
)
def test_every_error_is_one_sentence_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, sentence: str
) -> None:
    ended, told = end_of(raising(error), capsys)
    assert ended == code
    assert told.startswith(sentence)
    assert told.count("\n") == 1


def test_a_fault_of_ours_is_written_down_in_a_log_file_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    error = ZeroDivisionError("division by zero")
    code, told = end_of(raising(error), capsys)
    log = fault_log(error)
    assert log is not None
    assert (code, f"all about it is in {log}" in told) == (1, True)
    text = log.read_text()
    assert "Traceback" in text
    assert "ZeroDivisionError: division by zero" in text
    assert text.startswith("dartboard ")


def within_two_runs(folder: Path, error: BaseException) -> None:
    with RunDirectory(folder / "run") as run:
        run.claim({})
        with RunDirectory(folder / "run" / "inner") as inner:
            inner.claim({})
            raise error


def test_a_fault_during_a_run_is_written_into_its_directory(tmp_path: Path) -> None:
    error = ZeroDivisionError("no")
    with pytest.raises(ZeroDivisionError):
        within_two_runs(tmp_path, error)
    assert fault_log(error) == tmp_path / "run" / "inner" / "error.log"
    assert not (tmp_path / "run" / "error.log").exists()


def test_an_interrupted_run_names_the_outermost_directory(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        within_two_runs(tmp_path, KeyboardInterrupt())
    assert caught.value.directory == tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as early, RunDirectory(tmp_path / "other"):
        raise KeyboardInterrupt
    assert not isinstance(early.value, Interrupted)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_that_ask_to_end_interrupt_in_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    # Under nohup the signal of a terminal that closes is ignored, and stays so.
    before = signal.signal(number, signal.SIG_DFL)

    def work() -> None:
        with stoppable(lambda place: f"go on in {place}"), RunDirectory(tmp_path / "run") as run:
            run.claim({})
            os.kill(os.getpid(), number)
            raise AssertionError("the signal was not heeded")

    assert end_of(work, capsys) == (
        code,
        f"dartboard: interrupted; what is done is kept in {tmp_path}/run, and this goes on with it: go on in "
        f"{tmp_path}/run\n",
    )
    assert signal.signal(number, before) is signal.SIG_DFL


def test_our_warnings_are_sentences_and_those_of_others_are_left_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def warn() -> None:
        warnings.simplefilter("always")
        warnings.warn(DartboardWarning("a package is broken."), stacklevel=1)
        warnings.warn(UserWarning("another matter"), stacklevel=1)

    with warnings.catch_warnings(record=True) as others:
        assert end_of(warn, capsys) == (0, "dartboard: warning: a package is broken.\n")
    assert [str(other.message) for other in others] == ["another matter"]


def shell(line: str, tmp_path: Path) -> tuple[int, str]:
    """Exit code and standard error of a line of a shell, in which $D is the command."""
    line = line.replace("$D", f"{sys.executable} -m dartboard")
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("$D --version >&-", 0, ""),
        ("$D --version <&- >&- 2>&-", 0, ""),
        ("set -o pipefail; $D --help | true", 0, ""),
        ("set -o pipefail; $D --nothing 2>&1 | true", 2, ""),
        ("$D --version > /dev/full", 2, "dartboard: standard output cannot be used: No space left on device.\n"),
        ("$D --nothing 2> /dev/full", 2, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_changes_nothing_but_what_is_lost(
    tmp_path: Path, line: str, code: int, sentence: str
) -> None:
    assert shell(line, tmp_path) == (code, sentence)
