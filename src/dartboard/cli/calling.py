"""One call of the API for each command, with a display on standard error and the result on standard output."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from dartboard.cli.ending import stoppable
from dartboard.cli.options import SearchOptions, TrainOptions
from dartboard.processors import share_processors

if TYPE_CHECKING:
    from dartboard.runs import Observer

__all__ = ["at_work", "make", "make_run", "resumable", "typed"]


def typed() -> str:
    """The command line that the user typed."""
    return shlex.join(["dartboard", *sys.argv[1:]])


def resumable(out: Path | None, *, resume: bool) -> AbstractContextManager[None]:
    """A context that tells how to go on if the work in it is interrupted, by the whole of the command.

    Args:
        out: the run directory that the user named, if any.
        resume: whether the command says already that it resumes a run.
    """

    def command(place: Path) -> str:
        named = [] if out else ["--out", str(place)]
        return shlex.join(["dartboard", *sys.argv[1:], *named, *([] if resume else ["--resume"])])

    return stoppable(command)


@contextmanager
def at_work(quiet: bool | None = None) -> Iterator[tuple[Any, "Observer"]]:
    """The API, and a display on standard error that shows its progress.

    Args:
        quiet: True for a display that shows nothing, False for one that shows everything as lines with their times.
    """
    note = share_processors()
    from dartboard import api
    from dartboard.display import make_display

    with make_display(Console(stderr=True), quiet=quiet) as display:
        if note:
            display.note(note)
        yield api, display


def make_run(verb: str, options: SearchOptions | TrainOptions, **further: str) -> None:
    """Call a verb of the API that makes a run from a dataset and layers of settings, and print the result."""
    layers = options.layers()
    make(
        verb,
        options.data,
        *layers,
        out=options.out,
        resume=options.resume,
        as_json=options.as_json,
        quiet=options.quiet,
        **further,
    )


def make(
    verb: str,
    *arguments: Any,
    out: Path | None,
    resume: bool,
    as_json: bool,
    quiet: bool | None = None,
    **further: Any,
) -> None:
    """Call a verb of the API with a display on standard error, then print the result on standard output."""
    from dartboard.cli.output import print_result

    with resumable(out, resume=resume), at_work(quiet) as (api, display):
        result = getattr(api, verb)(*arguments, out=out, resume=resume, observer=display, command=typed(), **further)
    print_result(result, as_json=as_json)
