"""A notebook without the notebook: rich makes the HTML, and a made-up IPython takes it."""

import io
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import dartboard
from dartboard import display
from dartboard.display import (
    LiveDisplay,
    NotebookDisplay,
    PlainDisplay,
    fitting_observer,
    make_display,
    notebook_output,
)
from dartboard.runs import Observer
from made_up_events import train_epoch

EPOCH = train_epoch(seconds=2.0)
TINY = {
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 60,
    "search": {"epochs": 1, "steps_per_epoch": 1},
}


class Cell:
    """The outputs of a cell: for each the pictures it showed, the last one last."""

    def __init__(self) -> None:
        self.outputs: list[list[dict[str, str]]] = []

    def display(self, thing: Any, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        output = [bundle(thing)]
        self.outputs.append(output)
        return SimpleNamespace(update=lambda new: output.append(bundle(new)))


def bundle(thing: Any) -> dict[str, str]:
    """What a front end is sent."""
    return thing._repr_mimebundle_(include=(), exclude=())


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    shown = Cell()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    display.display = shown.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return shown


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=100, force_jupyter=True)


def test_one_output_follows_the_run_and_keeps_what_was_said(cell: Cell, console: Console) -> None:
    with NotebookDisplay(console) as watching:
        watching.plan({"data": "digits <b>"})
        watching.note("[bold]read with care[/bold]")
        watching.begin("train", epochs=2, steps=3, done=0)
        for _ in range(3):
            watching.step()
        watching.epoch(EPOCH)
    [output] = cell.outputs
    last = output[-1]["text/html"]
    for text in ("digits &lt;b&gt;", "note: [bold]read with care[/bold]", "train", "3/6", "75.00%", "0.5000"):
        assert text in last
    assert "75.00%" not in output[0]["text/html"]
    assert console.file.getvalue() == ""


def test_steps_do_not_send_a_picture_each(cell: Cell, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(notebook_output.time, "monotonic", lambda: now[0])
    watching = NotebookDisplay(console)
    watching.begin("train", epochs=1, steps=1000, done=0)
    for _ in range(1000):
        now[0] += 0.01
        watching.step()
    [output] = cell.outputs
    assert 10 < len(output) < 30


def test_every_run_has_an_output_and_bars_of_its_own(cell: Cell, console: Console) -> None:
    watching = NotebookDisplay(console)
    for phase in ("search", "train"):
        with watching:
            watching.begin(phase, epochs=1, steps=1, done=0)
    first, second = cell.outputs
    assert "search" in first[-1]["text/plain"]
    assert "search" not in second[-1]["text/plain"]


def test_a_failure_before_anything_was_shown_shows_nothing(cell: Cell, console: Console) -> None:
    with pytest.raises(RuntimeError), NotebookDisplay(console):
        raise RuntimeError
    assert cell.outputs == []


@pytest.mark.parametrize(
    ("place", "kind"),
    [({"force_jupyter": True}, NotebookDisplay), ({"force_terminal": True}, LiveDisplay), ({}, PlainDisplay)],
)
def test_the_display_fits_the_place(place: dict[str, bool], kind: type) -> None:
    assert type(make_display(Console(file=io.StringIO(), **place))) is kind


def test_a_notebook_is_recognized_by_its_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:
        """What a kernel calls its shell."""

    monkeypatch.setattr("builtins.get_ipython", ZMQInteractiveShell, raising=False)
    assert type(dartboard.progress()) is NotebookDisplay


def test_a_verb_enters_its_observer_and_leaves_it_when_done_and_when_it_fails(tmp_path) -> None:
    class Watched(Observer):
        entered = left = 0

        def __enter__(self):
            self.entered += 1
            return self

        def __exit__(self, *_: object) -> None:
            self.left += 1

    watched = Watched()
    dartboard.search(None, TINY, out=tmp_path / "run", observer=watched)
    assert (watched.entered, watched.left) == (1, 1)
    with pytest.raises(dartboard.DartboardError, match="no dataset"):
        dartboard.search(tmp_path / "absent", TINY, observer=watched, out=tmp_path / "other")
    assert (watched.entered, watched.left) == (2, 2)
    dartboard.describe(None, observer=watched)
    assert (watched.entered, watched.left) == (3, 3)


def test_a_live_display_serves_one_run_after_another() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    live = LiveDisplay(console)
    with live:
        live.begin("search", epochs=1, steps=1, done=0)
        with live:
            live.begin("train", epochs=1, steps=1, done=0)
    console.print(live.render())
    assert "search" in console.file.getvalue()
    console.file.seek(0)
    console.file.truncate()
    with live:
        live.begin("train", epochs=1, steps=1, done=0)
    assert "search" not in console.file.getvalue()


def test_in_ipython_progress_is_shown_without_being_asked_for_and_elsewhere_it_is_not(
    monkeypatch: pytest.MonkeyPatch, cell: Cell
) -> None:
    assert type(fitting_observer()) is Observer, "a script that imports IPython is no session of it"
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: None, raising=False)
    assert type(fitting_observer()) is Observer
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", object)
    assert isinstance(fitting_observer(), PlainDisplay)
    monkeypatch.delitem(sys.modules, "IPython")
    assert type(fitting_observer()) is Observer


def test_a_verb_in_a_notebook_shows_its_progress_unless_told_to_be_silent(
    monkeypatch: pytest.MonkeyPatch, cell: Cell, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", object, raising=False)
    monkeypatch.setattr(display, "Console", lambda **_: Console(file=io.StringIO(), force_jupyter=True, width=80))
    dartboard.search("digits", TINY, out=tmp_path / "shown")
    assert "search" in cell.outputs[-1][-1]["text/html"]
    shown = len(cell.outputs)
    dartboard.search("digits", TINY, out=tmp_path / "silent", observer=Observer())
    assert len(cell.outputs) == shown
