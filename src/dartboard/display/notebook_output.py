"""What a run looks like in a notebook: one output of the cell, brought up to date in place and saved with the notebook.

rich's own live display needs ipywidgets there, whose output is not saved with the notebook; this needs IPython only.
"""

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.jupyter import JupyterMixin

from dartboard.display.terminal import BarsDisplay
from dartboard.runs import Epoch, StudyProgress

__all__ = ["NotebookDisplay"]

_SECONDS_BETWEEN_PICTURES = 0.5


class NotebookDisplay(BarsDisplay):
    """The bars and figures of a terminal, below the sentences so far, as an output of the cell.

    Args:
        console: a console of rich for notebooks, which knows their width.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._said: list[RenderableType] = []
        self._output: Any = None
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        """Start a new output, since every run has one of its own."""
        self.clear()
        self._said, self._output = [], None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the last state, which stays in the notebook."""
        if self._output is not None:
            self._show()

    def study(self, progress: StudyProgress) -> None:
        """Move the bars of the trials."""
        super().study(progress)
        self._show_now_and_then()

    def reading(self, done: int, total: int) -> None:
        """Move the bar of the images."""
        super().reading(done, total)
        self._show_now_and_then()

    def begin(self, phase: str, *, epochs: int, steps: int, done: int) -> None:
        """Start the phase's bar."""
        super().begin(phase, epochs=epochs, steps=steps, done=done)
        self._show()

    def step(self) -> None:
        """Move the bar."""
        super().step()
        self._show_now_and_then()

    def epoch(self, event: Epoch) -> None:
        """Show the epoch's figures below the bars."""
        super().epoch(event)
        self._show()

    def _say(self, content: RenderableType) -> None:
        self._said.append(content)
        self._show()

    def _show_now_and_then(self) -> None:
        if time.monotonic() - self._shown_at > _SECONDS_BETWEEN_PICTURES:
            self._show()

    def _show(self) -> None:
        from IPython.display import display

        self._shown_at = time.monotonic()
        picture = _Picture([*self._said, self.render()])
        if self._output is None:
            self._output = display(picture, display_id=True)
        else:
            self._output.update(picture)


class _Picture(JupyterMixin):
    """What rich draws, one below the other; rich's mixin makes HTML of it for notebooks."""

    def __init__(self, parts: list[RenderableType]) -> None:
        self._parts = parts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._parts
