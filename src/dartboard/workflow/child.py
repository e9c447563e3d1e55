"""Runs inside a run (the search with one seed, a finalist, a baseline), and the end of every run."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dartboard.errors import NonFiniteLossError
from dartboard.records.result import Result
from dartboard.reports import write_readme, write_report
from dartboard.runs import Objective, Observer, RunDirectory
from dartboard.session.limits import within_limit
from dartboard.session.session import Session
from dartboard.session.summary import recorded_result, summarize
from dartboard.settings.genotype import read_genotype
from dartboard.settings.tree import ALONE
from dartboard.space import Genotype

__all__ = ["ChildRun", "attempt", "command_to_repeat", "finish_run", "run_child"]

Made = TypeVar("Made")


class ChildRun(NamedTuple):
    """A run inside a run that has ended.

    Attributes:
        result: summary of the run.
        run: the run directory, no longer locked.
    """

    result: Result
    run: RunDirectory

    def validation_accuracy(self, objective: Objective) -> float | None:
        """Accuracy of its networks on the validation images, by the objective; None where it was not measured."""
        balanced = objective == "balanced-accuracy"
        return self.result.validation_balanced_accuracy if balanced else self.result.validation_accuracy


def run_child(
    session: Session,
    folder: str,
    changes: Mapping[str, Any],
    work: Callable[[Session], object],
    *,
    task: str,
    tested: bool = False,
) -> ChildRun:
    """Make a run inside a run (a child), on the same images, with other settings and a run directory of its own.

    A child that has ended is only read, and an interrupted child is resumed. A child does not choose among seeds or
    finalists itself. A genotype in its settings becomes its architecture.

    Args:
        session: session of the outer run.
        folder: folder of the child in the directory of the outer run, as in "finalists/2".
        changes: settings that differ from those of the outer run.
        work: does the work of the child; it receives the child's session, and leaves `genotype.json` in its directory.
        task: a sentence about the child for the observer.
        tested: whether the work includes the test; if so, a child without a test has not ended.

    Returns:
        The summary of the child, and its run directory.

    Raises:
        RunDirectoryError: the folder holds a run that began with other settings.
    """
    with session.inside(folder, {**ALONE, **changes}) as child:
        result = recorded_result(child, tested=tested)
        if result is None:
            session.observer.note(task)
            child.begin()
            genotype = child.settings.genotype
            if genotype is not None:
                child.run.write("genotype.json", genotype)
            if genotype is not None:
                child = within_limit(child, Genotype.from_json(genotype))
            work(child)
            verb = "search" if genotype is None else "train"
            result = finish_run(child, command_to_repeat(verb, child.run.path))
    return ChildRun(result, child.run)


def attempt(
    observer: Observer, works: Mapping[str, Callable[[], Made]], *, needed: bool = True
) -> tuple[dict[str, Made], tuple[str, ...]]:
    """Do several things, and leave out those in which a loss is no longer finite.

    Args:
        observer: is told of everything that is left out.
        works: what it is, as the beginning of a sentence -> does it.
        needed: whether one of them must succeed.

    Returns:
        What came of those that succeeded, and a sentence about each of the others.

    Raises:
        NonFiniteLossError: all of them failed, and one was needed.
    """
    made, failed, last = {}, [], None
    for what, work in works.items():
        try:
            made[what] = work()
        except NonFiniteLossError as error:
            failed.append(f"{what} failed: {error}")
            observer.note(f"{failed[-1]} It is left out.")
            last = error
    if last is not None and needed and not made:
        raise last
    return made, tuple(failed)


def finish_run(session: Session, command: str) -> Result:
    """Write the summary of a run to `result.json`, its report, and README.md for its trained network if it has one.

    Args:
        session: session of a run with all its work done.
        command: text to record as the command that made the run.

    Returns:
        The summary.
    """
    result = summarize(session, read_genotype(session.run.path), command)
    write_report(session.run.path)
    write_readme(session.run.path)
    return result


def command_to_repeat(verb: str, path: Path) -> str:
    """The command line that makes the run in a directory again.

    >>> command_to_repeat("search", Path("runs/flowers"))
    'dartboard search --config runs/flowers/settings.json'
    """
    genotype = ["--genotype", str(path)] if verb == "train" else []
    return shlex.join(["dartboard", verb, *genotype, "--config", str(path / "settings.json")])
