"""The append-only record of a run: one typed event per line of `events.jsonl`."""

import io
import json
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.runs.document import first_fault
from dartboard.runs.event import Event
from dartboard.runs.events import event_of
from dartboard.runs.files import write_text

__all__ = ["EventLog"]


class EventLog:
    """Appends events and reads them back; an incomplete last line, left by a killed process, is ignored.

    Losses are means per image in nats, accuracies fractions, and epochs are numbered from 1.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Append one event; it is flushed to the operating system before the call returns.

        Raises:
            RunDirectoryError: the file cannot be written.
        """
        line = _line(event)
        try:
            with self.path.open("ab+") as stream:
                self._mend(stream)
                stream.write(line.encode())
        except OSError as error:
            raise RunDirectoryError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def _mend(self, stream: io.BufferedRandom) -> None:
        """Complete a last line that lacks only its newline; drop a last line that is incomplete."""
        stream.seek(max(stream.seek(0, io.SEEK_END) - 1, 0))
        if stream.read(1) in (b"", b"\n"):
            return
        stream.seek(0)
        whole, newline, last = stream.read().rpartition(b"\n")
        try:
            json.loads(last)
        except (ValueError, RecursionError):
            stream.truncate(len(whole + newline))
        else:
            stream.write(b"\n")

    def read(self) -> list[Event]:
        """All complete events, oldest first; an empty list if nothing was recorded.

        Raises:
            RunDirectoryError: the file cannot be read, or a line is damaged; the message names it.
        """
        if not self.path.exists():
            return []
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError as error:
            raise RunDirectoryError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        events = []
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                content = json.loads(line)
            except (ValueError, RecursionError) as error:
                if number == len(lines):
                    break
                raise self._damaged(number, f"it is not JSON: {error}") from error
            try:
                events.append(event_of(content))
            except ValueError as error:
                reason = first_fault(error) if isinstance(error, ValidationError) else str(error)
                raise self._damaged(number, reason) from error
        return events

    def keep(self, wanted: Callable[[Event], bool]) -> None:
        """Keep only the `wanted` events; a resumed run drops the events after its checkpoint in this way."""
        if self.path.exists():
            write_text(self.path, "".join(_line(event) for event in self.read() if wanted(event)))

    def _damaged(self, number: int, reason: str) -> RunDirectoryError:
        return RunDirectoryError(
            f"line {number} of {self.path} does not hold what a run writes there ({reason}); restore it, or begin a "
            "new run."
        )


def _line(event: Event) -> str:
    return json.dumps(event_of(event.to_json()).to_json(), allow_nan=False) + "\n"
