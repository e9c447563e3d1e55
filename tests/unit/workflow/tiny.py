"""The smallest run, for tests of what runs inside a run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dartboard.runs import Observer
from dartboard.session import Session, open_session
from dartboard.settings import resolve_settings

TINY = {
    "space": "nas-bench-201",
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 60,
    "search": {"epochs": 2, "steps_per_epoch": 1, "validation_images": 16},
    "train": {"epochs": 2},
}


class Listener(Observer):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@contextmanager
def open_tiny(folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None) -> Iterator[Session]:
    """A session that has begun, or goes on."""
    with open_session(resolve_settings(TINY, *layers), folder, resume=True, observer=observer or Observer()) as session:
        session.begin()
        yield session
