"""The rows of a result, as the terminal and a notebook show them: the lines of its sections, in their order."""

from pathlib import Path

from dartboard.errors import DartboardError
from dartboard.records import Baselines, Result, RunRecords
from dartboard.reports.section import sections_in_order
from dartboard.space import Genotype

__all__ = ["result_rows"]


def result_rows(result: Result) -> dict[str, str]:
    """Heading -> text, from the result in hand and whatever else its run directory still holds.

    Raises:
        RunDirectoryError: a file of the run directory is damaged.
    """
    run = _ResultRecords(result)
    rows: dict[str, str] = {}
    for section in sections_in_order().values():
        told = section.read(run)
        if told is not None:
            rows |= section.lines(told)
    return rows


class _ResultRecords(RunRecords):
    """The records of a result that is there already, while its run directory may be gone."""

    def __init__(self, result: Result) -> None:
        self.path: Path = result.path
        self.__dict__ |= {
            "result": result,
            "genotype": _genotype(result),
            "reselection": result.reselection,
            "analysis": result.analysis,
            "seed_choice": result.choice,
            "finalists": result.finalists,
            "baselines": Baselines.of(result.baselines) if result.baselines else None,
        }


def _genotype(result: Result) -> Genotype | None:
    try:
        return result.genotype.genotype
    except DartboardError:  # an operation or space that is not installed here
        return None
