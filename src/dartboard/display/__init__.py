"""What a run looks like while it goes on: in a terminal, in a notebook, in a log."""

import sys

from rich.console import Console

from dartboard.display.notebook_output import NotebookDisplay
from dartboard.display.terminal import LiveDisplay, PlainDisplay, VerboseDisplay
from dartboard.runs import Observer

__all__ = [
    "LiveDisplay",
    "NotebookDisplay",
    "PlainDisplay",
    "VerboseDisplay",
    "fitting_observer",
    "make_display",
    "progress",
]


def make_display(console: Console, *, quiet: bool | None = None) -> Observer:
    """The display that fits the console.

    Args:
        console: where it shows something.
        quiet: True for a display that shows nothing, False for one that shows everything as lines with their times.
    """
    if quiet is not None:
        return Observer() if quiet else VerboseDisplay(console)
    if console.is_jupyter:
        return NotebookDisplay(console)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def fitting_observer() -> Observer:
    """The display of a run to which no observer was given: in IPython and notebooks its progress, elsewhere nothing.

    A script or a library is not talked into; `observer=dartboard.progress()` shows progress there, and
    `observer=dartboard.Observer()` nothing anywhere.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return progress() if shell is not None and shell() is not None else Observer()


def progress() -> Observer:
    """A display of a run's progress, for the argument `observer`.

    >>> import dartboard
    >>> dartboard.run("photographs/", observer=dartboard.progress())  # doctest: +SKIP

    In a notebook it is an output of the cell, in a terminal a live table on standard error, and elsewhere plain lines
    on standard error.
    """
    return make_display(Console(stderr=True))
