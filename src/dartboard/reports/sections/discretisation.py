"""The findings of the analysis `discretisation`: how strong the operations of each edge are."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from dartboard.engine.finished.analyses.strengths import CHEAP, Strengths
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.charts.strength_chart import draw_strengths, edge_label
from dartboard.reports.section import section
from dartboard.wording import percent

__all__ = ["DiscretisationSection"]


@section("discretisation")
class DiscretisationSection(AnalysisSection[Strengths]):
    """How strong the operations of each edge of a finished search are."""

    analysis = "discretisation"
    findings = Strengths
    title = "Strength of operations"

    def drawn(self, told: Strengths) -> Mapping[str, Any]:
        """The accuracy reached with every operation, and the labels of the edges."""
        return {"strengths": Markup(draw_strengths(told)), "labels": list(map(edge_label, told.edges))}

    def lines(self, told: Strengths) -> dict[str, str]:
        """For each edge the accuracies of its operations, and the agreement of the cheap measures with them."""
        rows = {"supernet": f"{percent(told.supernet_accuracy)} validation accuracy at the end of the search"}
        for edge in told.edges:
            ordered = sorted(edge.operations, key=lambda each: each.ranks["discretisation"])
            reached = ", ".join(f"{each.operation} {percent(each.accuracy)}" for each in ordered)
            cheap = ", ".join(f"{edge.preferred[measure]} by {measure}" for measure in CHEAP)
            rows[edge_label(edge).replace("→", "->")] = f"{reached} ({cheap})"
        for measure, agreed in told.agreement.items():
            correlation = f"; mean Kendall tau {agreed.kendall:.2f}" if agreed.kendall is not None else ""
            rows[f"{measure} agrees"] = f"on {agreed.same} of {agreed.edges} edges{correlation}"
        if told.skips["edges"]:
            counts = ", ".join(f"{count} by {measure}" for measure, count in told.skips.items() if measure != "edges")
            rows["skip preferred"] = f"{counts}, of {told.skips['edges']} edges"
        return rows
