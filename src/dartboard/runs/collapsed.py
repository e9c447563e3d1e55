"""The record of a search that collapsed, and of what was done about it."""

from typing import Any, ClassVar, Literal

from dartboard.runs.document import Document

__all__ = ["CollapsedSearch"]


class CollapsedSearch(Document):
    """A search that collapsed, and what was done about it; only with `search.guard` stop or fallback."""

    file: ClassVar[str] = "collapsed.json"
    written_by: ClassVar[str] = "search"

    action: Literal["stop", "fallback"]
    """What was done: the search ended, or a second search went on from the last good epoch."""

    signal: Literal["skips", "no weights", "unstable"]
    """The signal that had held for long enough."""

    since: int
    """Epoch in which it began."""

    epoch: int
    """Epoch after which it had held for long enough."""

    good: int | None
    """The last epoch before it began; null if there is none."""

    words: str
    """What was seen, as a sentence with figures."""

    seconds: float
    """Seconds of all epochs of this search."""

    anew: bool = False
    """Whether the second search began from the start, since it has other parameters or there was no good epoch."""

    further_epochs: int = 0
    """Epochs of the second search."""

    again: str = ""
    """What was seen when the second search collapsed as well, and was stopped; empty if it did not."""

    epochs: tuple[dict[str, Any], ...] = ()
    """The epochs of the first search that the second one replaces, as lines of events.jsonl."""
