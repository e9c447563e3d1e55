"""Reading a large dataset is seen, and how much time is left."""

import io

import pytest
from rich.console import Console

from dartboard.display import LiveDisplay, PlainDisplay, terminal
from dartboard.runs.events import TrainEpoch


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


@pytest.mark.parametrize(("expected", "told"), [(5.0, "about 30.0 s"), (100.0, "about 1 min 30 s")])
def test_no_less_time_is_left_in_all_than_in_the_phase(
    console: Console, monkeypatch, expected: float, told: str
) -> None:
    now = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    plain = PlainDisplay(console)
    plain.expect(expected)
    plain.begin("train", epochs=4, steps=2, done=0)
    now[0] = 10.0
    plain.epoch(
        TrainEpoch(
            run=0,
            epoch=1,
            epochs=4,
            steps=2,
            seconds=10.0,
            train_loss=1.0,
            train_accuracy=0.5,
            validation_loss=None,
            validation_accuracy=None,
            learning_rate=0.1,
        )
    )
    line = console.file.getvalue().splitlines()[-1]
    assert line.endswith(f"left in all {told}")
    assert "left 30.0 s" in line
