"""A run inside a run (the search with one seed, a finalist, a baseline), and how every run ends."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dartboard.records.result import Result
from dartboard.reports import write_report
from dartboard.runs import Objective, RunDirectory
from dartboard.session.genotype import read_genotype
from dartboard.session.session import Session
from dartboard.session.summary import recorded_result, summarize
from dartboard.settings.tree import ALONE

__all__ = ["ChildRun", "command_to_repeat", "finish_run", "run_child"]


class ChildRun(NamedTuple):
    """A run inside a run that has ended.

    Attributes:
        result: its summary.
        run: its directory, no longer locked.
    """

    result: Result
    run: RunDirectory

    def validation_accuracy(self, objective: Objective) -> float | None:
        """How well its networks do on the validation images; None where they could not be scored."""
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
    """Make a run inside a run: a run directory of its own, on the same images, with other settings.

    A child that has ended is only read, and one that was interrupted is resumed where it was left. A child makes no
    choice of its own among seeds or finalists; where its settings hold a genotype, that becomes its architecture.

    Args:
        session: the run around it.
        folder: where the child lies in the directory of that run, as in "finalists/2".
        changes: settings that differ from those of the run around it.
        work: what the child does; it is given the child's session, and leaves `genotype.json` in its directory.
        task: what the child does, in a sentence for people who watch.
        tested: whether the work includes the test, without which the child has not ended.

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
            work(child)
            verb = "search" if genotype is None else "train"
            result = finish_run(child, command_to_repeat(verb, child.run.path))
    return ChildRun(result, child.run)


def finish_run(session: Session, command: str) -> Result:
    """Sum up what the directory of a run holds in `result.json`, and write its report.

    Args:
        session: of the run, whose work is done.
        command: to be recorded as what made it.
    """
    result = summarize(session, read_genotype(session.run.path), command)
    write_report(session.run.path)
    return result


def command_to_repeat(verb: str, path: Path) -> str:
    """The command line that makes the run in a directory again.

    >>> command_to_repeat("search", Path("runs/flowers"))
    'dartboard search --config runs/flowers/settings.json'
    """
    genotype = ["--genotype", str(path)] if verb == "train" else []
    return shlex.join(["dartboard", verb, *genotype, "--config", str(path / "settings.json")])
