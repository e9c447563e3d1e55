"""The append-only record of a run: one JSON object a line, in `events.jsonl`."""

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dartboard.errors import RunDirectoryError
from dartboard.runs.files import write_text

__all__ = ["Event", "EventLog"]

Event = dict[str, Any]


class EventLog:
    """Appends events and reads them back; a last line cut short by a kill is ignored.

    Every event has `event` (its kind) and `phase`. The kinds are
    `epoch` of phase `search`: epoch, epochs, steps, seconds, weight_loss, weight_accuracy, alpha_loss, validation_loss,
    validation_accuracy, validation_balanced_accuracy, learning_rate, gates (cell kind -> rows of edges x operations),
    operations (their columns), genotype, operation_counts, and what the method's rules measured, such as eigenvalue;
    `epoch` of phase `train`: run, epoch, epochs, seconds, train_loss, train_accuracy, validation_loss,
    validation_accuracy, validation_balanced_accuracy (null without validation images), learning_rate;
    `kept` when the weights of an earlier epoch of a training are kept: run, epoch, both accuracies;
    `stop` when a search ends before its last epoch: reason;
    `rollback` when a search went back to an earlier epoch, whose later ones are then recorded anew: from, epoch,
    reason, seconds (of the epochs undone);
    `measurement` of phase `analysis`: name, figures (of the analysis's own), seconds;
    `phase` when a phase ends: seconds. Losses are means per image in nats, accuracies fractions, epochs are
    numbered from 1; figures that do not apply (no alpha step in a warm-up) are null.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Add one event, flushed to the operating system before the call returns.

        Raises:
            RunDirectoryError: the file cannot be written.
        """
        line = json.dumps({key: _finite(value) for key, value in event.items()}, allow_nan=False)
        try:
            with self.path.open("ab+") as stream:
                stream.seek(max(stream.seek(0, io.SEEK_END) - 1, 0))
                after_cut_line = stream.read(1) not in (b"", b"\n")
                stream.write(("\n" * after_cut_line + line + "\n").encode())
        except OSError as error:
            raise RunDirectoryError(f"{self.path} cannot be written: {error.strerror or error}.") from error

    def read(self) -> list[Event]:
        """All whole events, oldest first; empty when nothing was recorded."""
        if not self.path.exists():
            return []
        events = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events

    def keep(self, wanted: Callable[[Event], bool]) -> None:
        """Drop the events that are not `wanted`: what happened after the checkpoint a run resumes from."""
        if self.path.exists():
            write_text(self.path, "".join(json.dumps(event) + "\n" for event in self.read() if wanted(event)))


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
