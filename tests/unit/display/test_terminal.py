"""Reading a large dataset is seen."""

import io

import pytest
from rich.console import Console

from dartboard.display import LiveDisplay, PlainDisplay, terminal


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def test_plain_lines_tell_the_images_read_every_few_seconds(console: Console, monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    plain = PlainDisplay(console)
    for done in (100, 200, 300, 400):
        now[0] += 3
        plain.reading(done, 1000)
    assert console.file.getvalue().splitlines() == ["reading: 200 of 1000 images", "reading: 400 of 1000 images"]


def test_the_live_display_has_one_bar_for_the_images(console: Console) -> None:
    live = LiveDisplay(console)
    live.reading(32, 1000)
    live.reading(64, 1000)
    console.print(live.render())
    assert console.file.getvalue().count("reading") == 1
    assert "64/1000" in console.file.getvalue()
