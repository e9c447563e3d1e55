"""The architecture as a drawing and as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dartboard.records.reader import RunRecords
from dartboard.reports.drawings.genotypes import cell_inputs, draw_genotype
from dartboard.reports.section import Section, section
from dartboard.space import Genotype, get_space, lets_images_through
from dartboard.wording import Verbatim

__all__ = ["ArchitectureFacts", "ArchitectureSection"]

_BLIND = "Nothing of the images passes through this architecture, so its network gives every image the same answer."


@dataclass(frozen=True)
class ArchitectureFacts:
    """The architecture.

    Attributes:
        genotype: the architecture; None if it uses an operation or space that is not installed here.
        text: the architecture in the notation of the literature.
        analysed: whether the run is an analysis, so that the architecture is that of the analysed search.
        warning: a sentence if nothing of the images passes through the architecture; else empty.
    """

    genotype: Genotype | None
    text: str
    analysed: bool
    warning: str = ""


@section("architecture")
class ArchitectureSection(Section[ArchitectureFacts]):
    """The architecture as a drawing and in the notation of the literature."""

    order = 200
    title = "Architecture"
    needs = "No architecture has been recorded here yet: genotype.json is missing."

    def read(self, run: RunRecords) -> ArchitectureFacts | None:
        """The architecture of the run, if there is one."""
        genotype = run.genotype
        text = run.result.genotype.text if run.result else genotype.to_text() if genotype else ""
        blind = run.result.blind if run.result else bool(genotype) and not _passes(genotype)
        return ArchitectureFacts(genotype, text, run.analysis is not None, _BLIND if blind else "") if text else None

    def drawn(self, told: ArchitectureFacts) -> Mapping[str, Any]:
        """Drawings of the cells by kind, or of the layers."""
        if told.genotype is None:
            return {"cells": [], "inputs": None}
        return {"cells": draw_genotype(told.genotype), "inputs": cell_inputs(told.genotype)}

    def lines(self, told: ArchitectureFacts) -> dict[str, str]:
        """The row of the genotype, and a warning if there is one; none for an analysis."""
        warning = {"warning": told.warning} if told.warning else {}
        return {} if told.analysed else {"genotype": Verbatim(told.text), **warning}


def _passes(genotype: Genotype | None) -> bool:
    return genotype is None or lets_images_through(get_space(genotype.space), genotype)
