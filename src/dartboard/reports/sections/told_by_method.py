"""What the parts of a method have counted in the last epoch of the search: operations that rest or have left, ..."""

from collections.abc import Mapping
from dataclasses import dataclass

from dartboard.records import RunRecords
from dartboard.reports.section import Section, section
from dartboard.wording import percent

__all__ = ["ToldByMethod", "ToldByMethodSection"]

_WORDS = {
    "resting_operations": "operations whose weights rest",
    "left_operations": "operations that have left the search",
    "aligned_cells": "cells that are made to agree",
    "flooded_batches": "training batches that were flooded",
    "shapley_accuracy": "accuracy before operations are removed",
    "shapley_removed": "operations that a sample removes",
}
_FAMILIES = {
    "resting_in_block_": "resting in the block ",
    "resting_": "resting: ",
    "alignment_": "agreement of the cells of kind ",
    "little_information_": "how little the outputs tell: ",
}
_SHARES = ("flooded_batches", "shapley_accuracy", "shapley_removed")


@dataclass(frozen=True)
class ToldByMethod:
    """The figures of the method in the last epoch that has any, by name.

    Attributes:
        epoch: number of that epoch.
        figures: words -> number as text.
    """

    epoch: int
    figures: Mapping[str, str]


@section("told-by-method")
class ToldByMethodSection(Section[ToldByMethod]):
    """What the parts of the method counted: operations that rest or have left, flooded batches, agreement of cells."""

    order = 620
    title = "What the method counted"

    def read(self, run: RunRecords) -> ToldByMethod | None:
        """The figures that this section has words for, if there are any."""
        for epoch in reversed(run.search_epochs):
            told = {
                words: _number(name, value)
                for name, value in epoch.figures.items()
                if value is not None and (words := _worded(name))
            }
            if told:
                return ToldByMethod(epoch.epoch, told)
        return None

    def lines(self, told: ToldByMethod) -> dict[str, str]:
        """The first figures, in one row."""
        first = [f"{words} {value}" for words, value in told.figures.items()][:3]
        return {f"epoch {told.epoch}": ", ".join(first)}


def _worded(name: str) -> str:
    """The name of a figure in words; empty if it is another's."""
    if name in _WORDS:
        return _WORDS[name]
    return next((words + name.removeprefix(start) for start, words in _FAMILIES.items() if name.startswith(start)), "")


def _number(name: str, value: float) -> str:
    return percent(value) if name in _SHARES else f"{value:.4g}"
