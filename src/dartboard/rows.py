"""Rows of a heading and a text each, and the figures of an epoch, as wide as the terminal is."""

import re
import textwrap
from collections.abc import Container, Iterator, Mapping, Sequence, Set

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from dartboard.wording import Verbatim

__all__ = ["Figures", "Rows", "Sentence", "lay_out", "print_rows"]

_NARROWEST = 24
"""Room in characters below which a text begins on a line of its own instead of beside its heading."""


def print_rows(console: Console, rows: Mapping[str, str]) -> None:
    """Print one line for each row; in a terminal, sentences are broken between words, and `Verbatim` texts never.

    A text that does not fit beside its heading begins on a line of its own if it must not be broken, so that it can be
    copied as a whole. What does not go to a terminal is not broken at all, so that it can be searched.
    """
    console.print(Rows(rows, broken=console.is_terminal), highlight=False, soft_wrap=True)


class Sentence:
    """A sentence that is broken between words only.

    Args:
        sentence: the text.
    """

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from map(Text, _lines(self._sentence, options.max_width))


class Rows:
    """Rows of a heading and a text each, for a console that does not break lines itself.

    Args:
        rows: heading -> text.
        broken: whether sentences are broken between words.
    """

    def __init__(self, rows: Mapping[str, str], *, broken: bool = True) -> None:
        self._rows, self._broken = rows, broken

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = max(map(len, self._rows), default=0) + 2
        for heading, text in self._rows.items():
            first, *rest = self._parts(text, options.max_width - indent, options.max_width)
            yield Text.assemble((f"{heading:{indent}}", "bold"), first)
            for part in rest:
                yield Text(" " * indent + part if first else part)

    def _parts(self, text: str, room: int, width: int) -> list[str]:
        """The lines of a text; an empty first one where it does not begin beside its heading."""
        if not self._broken or len(text) <= room:
            return [text]
        if isinstance(text, Verbatim):
            return ["", text]
        return _lines(text, room) if room >= _NARROWEST else ["", *_lines(text, width)]


class Figures:
    """A title, and figures with their names, as many on a line as fit; a name stays beside its figure.

    Args:
        title: what the figures belong to.
        figures: name -> figure.
    """

    def __init__(self, title: str, figures: Mapping[str, str]) -> None:
        self._title, self._figures = title, figures

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = len(self._title) + 2
        line = Text.assemble((self._title, "bold"), "  ")
        for name, figure in self._figures.items():
            if len(line) > indent and len(line) + len(name) + len(figure) + 1 > options.max_width:
                line.rstrip()
                yield line
                line = Text(" " * indent)
            *full, last = _lines(figure, options.max_width - len(line) - len(name) - 1)
            line.append(name, "dim")
            for part in full:
                yield Text.assemble(line, " ", part)
                line = Text(" " * (indent + len(name)))
            line.append(f" {last}  ")
        line.rstrip()
        yield line


def lay_out(
    headings: Sequence[str], rows: Sequence[Sequence[str]], strong: Sequence[Set[int]], *, narrow: bool = False
) -> Iterator[Text]:
    """The lines of a table of figures whose first column holds names.

    Args:
        headings: headings of the columns.
        rows: one text for each column.
        strong: for each row the columns that are bold.
        narrow: whether headings are broken between words to make columns no wider than their figures need.
    """
    cells = [max(map(len, column)) for column in zip(*rows, strict=True)]
    wanted = [max(map(len, heading.split())) if narrow else len(heading) for heading in headings]
    widths = [max(pair) for pair in zip(cells, wanted, strict=True)]
    broken = [_lines(heading, width) for heading, width in zip(headings, widths, strict=True)]
    height = max(map(len, broken))
    above = [["" if height - len(lines) > line else lines[line - height] for lines in broken] for line in range(height)]
    for line in above:
        yield _aligned(line, widths, range(len(widths)))
    for row, best in zip(rows, strong, strict=True):
        yield _aligned(row, widths, best)


def _aligned(cells: Sequence[str], widths: Sequence[int], strong: Container[int]) -> Text:
    padded = [
        Text(f"{cell:>{width}}" if place else f"{cell:{width}}", style="bold" if place in strong else "")
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return Text("  ").join(padded)


def _lines(text: str, room: int) -> list[str]:
    """A text in lines, broken between words, but not between a figure and the word after it."""
    kept = re.sub(r"(?<=\d) (?=[A-Za-z])", "\N{NO-BREAK SPACE}", text)
    lines = textwrap.wrap(kept, max(room, 1), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] or [""]
