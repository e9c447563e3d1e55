"""The choice of one architecture among several proposals of the search."""

from collections.abc import Mapping
from typing import Any

from dartboard.records import Finalists
from dartboard.records.reader import RunRecords
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.section import Section, section
from dartboard.wording import count, percent

__all__ = ["FinalistsSection"]


@section("finalists")
class FinalistsSection(Section[Finalists]):
    """The choice of one architecture among several proposals of the search."""

    order = 400
    title = "Finalists"

    def read(self, run: RunRecords) -> Finalists | None:
        """The architectures, and their accuracies after a short training."""
        return run.finalists

    def drawn(self, told: Finalists) -> Mapping[str, Any]:
        """The genotype and the drawings of every architecture."""
        genotypes = [finalist.genotype.genotype for finalist in told.finalists]
        return {"genotypes": genotypes, "cells": list(map(draw_genotype, genotypes))}

    def lines(self, told: Finalists) -> dict[str, str]:
        """The chosen architecture, and the range of the accuracies of all."""
        best, accuracies = told.chosen, [finalist.validation_accuracy for finalist in told.finalists]
        return {
            "finalist": f"number {best.number} of {len(accuracies)} after {count(told.epochs, 'epoch')} of training "
            f"each: {percent(best.validation_accuracy)} {told.objective.replace('-', ' ')}; all: "
            f"{percent(min(accuracies))} to {percent(max(accuracies))}"
        }
