"""The standard streams of a command: what is done where one is closed, or closes while the command works."""

import errno
import io
import os
import sys
from typing import Any, TextIO

__all__ = ["prepare_streams", "silence"]

_GONE = (errno.EPIPE, errno.EIO)
"""What writing gives once the reader of a pipe, or the terminal, has gone."""


class _WhileRead(io.FileIO):
    """A stream that is written for as long as somebody reads it: a reader that has gone is no fault of the work.

    Nothing that goes wrong on standard error is told, as there is no other place to tell it.
    """

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if self.fileno() == 1 and error.errno not in _GONE:
                raise OSError(error.errno, error.strerror, "standard output") from error
            silence(self.fileno())
            return len(content)


def prepare_streams() -> None:
    """Give the command three standard streams that a missing reader does not break.

    A daemon or a scheduler may start it without some of them. The next file to be opened would then get the number of
    a standard stream, and all that is printed would be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdout, sys.stderr = _steady(sys.stdout, 1), _steady(sys.stderr, 2)


def silence(number: int) -> None:
    """Let a stream lead nowhere, so that nothing that is still to be written to it can fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _steady(stream: TextIO | None, number: int) -> TextIO:
    """The stream with that number, or the one that has taken its place, such as that of a test."""
    if stream is not None and not _has_number(stream, number):
        return stream
    if stream is not None:
        stream.flush()
    # File names may hold bytes that are not text.
    return io.TextIOWrapper(
        io.BufferedWriter(_WhileRead(number, "w", closefd=False)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or os.isatty(number),
    )


def _has_number(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (OSError, ValueError, AttributeError):
        return False
