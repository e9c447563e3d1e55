"""What a run looks like while it goes on: in a terminal, in a notebook, in a log."""

from rich.console import Console

from dartboard.display.notebook_output import NotebookDisplay
from dartboard.display.terminal import LiveDisplay, PlainDisplay

__all__ = ["LiveDisplay", "NotebookDisplay", "PlainDisplay", "make_display", "progress"]


def make_display(console: Console) -> PlainDisplay:
    """The display that fits the console."""
    if console.is_jupyter:
        return NotebookDisplay(console)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def progress() -> PlainDisplay:
    """A display of a run's progress, for the argument `observer`.

    >>> import dartboard
    >>> dartboard.run("photographs/", observer=dartboard.progress())  # doctest: +SKIP

    In a notebook it is an output of the cell, in a terminal a live table on standard error, and elsewhere plain lines
    on standard error.
    """
    return make_display(Console(stderr=True))
