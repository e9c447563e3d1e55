"""The decisions about edges that were made while the search went on."""

from collections.abc import Sequence
from dataclasses import dataclass

from dartboard.records import RunRecords
from dartboard.reports.section import Section, section
from dartboard.runs import DecisionMade
from dartboard.wording import DASH, cell_name, count, percent, signed_points

__all__ = ["DecisionsFacts", "DecisionsSection"]

_SKIP = "skip_connect"


@dataclass(frozen=True)
class DecisionsFacts:
    """Every decision, and what all of them say together.

    Attributes:
        decisions: in the order in which they were made.
        operations: decisions about the operation of an edge.
        compared: decisions in which the supernet was tried with and without the candidates.
        weak: those of them whose choice was not two standard errors better than the runner-up.
        ties: decisions that a tie-break settled.
        by_gate: decisions about operations in which the largest gate is known.
        agree: those of them in which it would have chosen the same.
        skips: edges that keep a skip connection.
        coarse: decisions on fewer images than they should rest on.
    """

    decisions: tuple[DecisionMade, ...]
    operations: int
    compared: int
    weak: int
    ties: int
    by_gate: int
    agree: int
    skips: int
    coarse: int

    @classmethod
    def of(cls, decisions: Sequence[DecisionMade]) -> "DecisionsFacts":
        """The counts over the decisions."""
        operations = [each for each in decisions if each.about == "operation"]
        told = [each for each in operations if each.by_gate is not None]
        return cls(
            decisions=tuple(decisions),
            operations=len(operations),
            compared=sum(each.contrast is not None for each in decisions),
            weak=sum(each.is_weak for each in decisions),
            ties=sum(each.tie is not None for each in decisions),
            by_gate=len(told),
            agree=sum(each.by_gate == each.chosen for each in told),
            skips=sum(each.chosen == _SKIP for each in operations),
            coarse=sum(each.coarse for each in decisions),
        )


@section("decisions")
class DecisionsSection(Section[DecisionsFacts]):
    """The decisions about edges that were made while the search went on, with scores and margins."""

    order = 605
    title = "Decisions"

    def read(self, run: RunRecords) -> DecisionsFacts | None:
        """Every decision; those that a rollback undid are not in the record."""
        decisions = [event for event in run.events if isinstance(event, DecisionMade)]
        return DecisionsFacts.of(decisions) if decisions else None

    def drawn(self, told: DecisionsFacts) -> dict[str, list[dict[str, str]]]:
        """The rows of the table, as text."""
        return {"rows": [_row(each) for each in told.decisions]}

    def lines(self, told: DecisionsFacts) -> dict[str, str]:
        """How many decisions there were, and how sure they are."""
        said = [count(len(told.decisions), "decision")]
        if told.compared:
            said.append(f"{told.weak} of {told.compared} within two standard errors of the runner-up")
        if told.ties:
            said.append(f"{count(told.ties, 'tie')} broken")
        if told.by_gate:
            said.append(f"the largest gate agrees on {told.agree} of {told.by_gate}")
        if told.coarse:
            said.append(f"{told.coarse} on fewer images than a decision should rest on")
        return {"decisions": "; ".join(said)}


def _row(each: DecisionMade) -> dict[str, str]:
    """One decision as text, column by column."""
    contrast, dash = each.contrast, DASH
    place = f"{each.source} → {each.target}" if each.source is not None else f"node {each.target}"
    tried = [
        f"{candidate.name} {percent(candidate.accuracy)}"
        for candidate in each.candidates
        if candidate.accuracy is not None
    ]
    scored = [f"{candidate.name} {candidate.gate:.3f}" for candidate in each.candidates if candidate.gate is not None]
    edges = [f"{edge.name} {edge.score:.3f}" for edge in each.edge_scores]
    return {
        "round": str(each.round),
        "epoch": f"{each.epoch}, step {each.step}" if each.step else str(each.epoch),
        "edge": f"{cell_name(each.kind)} {place}",
        "choice": f"gives up {', '.join(each.given_up)}" if each.given_up else each.chosen,
        "runner_up": each.runner_up or dash,
        "margin": f"{signed_points(contrast.margin)} ({contrast.margin_images:+d})" if contrast else dash,
        "z": f"{contrast.z:.2f}" if contrast else dash,
        "images": str(each.images) if each.images else dash,
        "tie": each.tie or dash,
        "by_gate": each.by_gate or dash,
        "without": "; ".join(tried) or dash,
        "gates": "; ".join(scored) or dash,
        "edge_scores": "; ".join(edges) or dash,
    }
