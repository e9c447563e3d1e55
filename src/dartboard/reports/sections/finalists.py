"""Which of several architectures that the search proposed was taken."""

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
    """Which of several architectures that the search proposed was taken."""

    order = 400
    title = "Finalists"

    def read(self, run: RunRecords) -> Finalists | None:
        """The architectures and what a short training made of them."""
        return run.finalists

    def drawn(self, told: Finalists) -> Mapping[str, Any]:
        """Every architecture."""
        genotypes = [finalist.genotype.genotype for finalist in told.finalists]
        return {"genotypes": genotypes, "cells": list(map(draw_genotype, genotypes))}

    def lines(self, told: Finalists) -> dict[str, str]:
        """The one that was taken, and how far apart all are."""
        best, accuracies = told.chosen, [finalist.validation_accuracy for finalist in told.finalists]
        return {
            "finalist": f"number {best.number} of {len(accuracies)} after {count(told.epochs, 'epoch')} of training "
            f"each: {percent(best.validation_accuracy)} {told.objective.replace('-', ' ')}; all: "
            f"{percent(min(accuracies))} to {percent(max(accuracies))}"
        }
