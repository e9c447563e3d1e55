"""What a run looks like while it goes on: in a terminal, in a notebook, in a log."""

from dartboard.display.notebook import NotebookDisplay
from dartboard.display.places import make_display, progress
from dartboard.display.terminal import LiveDisplay, PlainDisplay

__all__ = ["LiveDisplay", "NotebookDisplay", "PlainDisplay", "make_display", "progress"]
