"""The choice of one search among those of several seeds."""

from collections.abc import Mapping
from typing import Any

from dartboard.records import SeedChoiceRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.section import Section, section
from dartboard.wording import listing, percent

__all__ = ["SeedChoiceSection"]


@section("seed-choice")
class SeedChoiceSection(Section[SeedChoiceRecord]):
    """The choice of one search among those of several seeds."""

    order = 300
    title = "Candidates"

    def read(self, run: RunRecords) -> SeedChoiceRecord | None:
        """The searches and the choice among them."""
        return run.seed_choice

    def drawn(self, told: SeedChoiceRecord) -> Mapping[str, Any]:
        """The genotype and the drawings of every candidate."""
        genotypes = [candidate.genotype.genotype for candidate in told.candidates]
        return {"genotypes": genotypes, "cells": list(map(draw_genotype, genotypes))}

    def lines(self, told: SeedChoiceRecord) -> dict[str, str]:
        """The seed that was chosen."""
        seeds = listing(str(candidate.seed) for candidate in told.candidates)
        against = ", which rejects every search" if told.rule_violated else ""
        mean = percent(told.accuracy_mean, told.accuracy_std or None)
        every = "" if told.accuracy_mean is None else f"; all: {mean}"
        return {"chosen": f"seed {told.chosen.seed} of the seeds {seeds}, by {told.rule}{against}{every}"}
