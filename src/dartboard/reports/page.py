"""Facts to one HTML page that needs no other file."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from dartboard.errors import DartboardError
from dartboard.reports.cell_diagram import draw_cell
from dartboard.reports.charts import (
    draw_curvature,
    draw_operation_counts,
    draw_search_accuracies,
    draw_search_losses,
    draw_train_accuracies,
    draw_train_losses,
)
from dartboard.reports.confusion_chart import draw_confusion
from dartboard.reports.facts import Facts, SearchFacts, TestFacts, TrainFacts
from dartboard.reports.gate_charts import draw_gates
from dartboard.reports.layer_charts import draw_layer_gates
from dartboard.reports.layer_diagram import draw_layers
from dartboard.reports.pictures import LARGEST_SIDE, picture_uri
from dartboard.reports.reader import read_facts
from dartboard.reports.strength_chart import draw_strengths
from dartboard.reports.templates import make_environment
from dartboard.reports.wording import accuracy_text, summary, verdict
from dartboard.runs import write_json, write_text
from dartboard.space import Genotype, get_space
from dartboard.space.topology import stage_lengths

__all__ = ["draw_genotype", "render_page", "write_report"]


def write_report(path: Path) -> Path:
    """Write `report.html` and `facts.json` into a run directory, from the files that are there; takes no lock.

    Args:
        path: the run directory of a search, of a training, or of a whole run, finished or not.

    Returns:
        Path of `report.html`, a page that needs no other file and no network.

    Raises:
        RunDirectoryError: `path` is no run directory, one of its files is damaged, or the page cannot be written.
    """
    facts = read_facts(path)
    write_text(path / "report.html", render_page(facts))
    write_json(path / "facts.json", facts.to_json())
    return path / "report.html"


def render_page(facts: Facts) -> str:
    """The page as text; the same facts give the same text."""
    environment = make_environment()
    environment.filters |= {
        "picture": lambda example: Markup(picture_uri(example.image)),
        "tiny": lambda example: max(example.image.shape[:2]) < LARGEST_SIDE,
    }
    return environment.get_template("report.html.j2").render(
        facts=facts,
        summary=summary(facts),
        accuracy=accuracy_text(facts.test) if facts.test else None,
        cells=draw_genotype(facts.genotype) if facts.genotype else [],
        candidates=[
            (candidate.seed, draw_genotype(candidate.genotype))
            for candidate in (facts.choice.candidates if facts.choice else ())
        ],
        finalists=[
            (finalist.number, draw_genotype(finalist.genotype))
            for finalist in (facts.finalists.finalists if facts.finalists else ())
        ],
        search=_search_charts(facts.search),
        training=_training_charts(facts.training),
        strengths=Markup(draw_strengths(facts.discretisation)) if facts.discretisation else "",
        verdict=verdict(facts.baselines),
        confusion=_confusion_chart(facts.test),
        validation=_validation_accuracy(facts),
        total=dict(facts.seconds).get("total"),
    )


# Markup says that a text is markup already: the drawings escape every name they contain.


def draw_genotype(genotype: Genotype) -> list[tuple[str, Markup]]:
    """The drawings of an architecture, each an `<svg>` with what it shows: its cells by kind, or its layers."""
    if genotype.stages:
        return [("layers", Markup(draw_layers(genotype)))]
    try:
        num_inputs = get_space(genotype.space).cell.num_inputs
    except DartboardError:  # a space that is not installed here
        num_inputs = None
    return [
        (kind, Markup(draw_cell(cell, title=_cell_title(kind), num_inputs=num_inputs))) for kind, cell in genotype.cells
    ]


def _cell_title(kind: str) -> str:
    return {"reduce": "reduction cell", "cell": "cell"}.get(kind, f"{kind} cell")


def _search_charts(search: SearchFacts | None) -> dict[str, Any]:
    if search is None:
        return {}
    charts = {
        "losses": draw_search_losses(search),
        "accuracies": draw_search_accuracies(search),
        "curvature": draw_curvature(search),
        "counts": draw_operation_counts(search),
    }
    if stage_lengths([gates.kind for gates in search.gates]):
        charts["layers"], gates = draw_layer_gates(search.gates), []
    else:
        charts["layers"] = ""
        gates = [(_cell_title(gates.kind), Markup(draw_gates(gates))) for gates in search.gates]
    return {**{name: Markup(chart) for name, chart in charts.items()}, "gates": gates}


def _training_charts(training: tuple[TrainFacts, ...]) -> dict[str, Markup]:
    if not training:
        return {}
    charts = {"losses": draw_train_losses(training), "accuracies": draw_train_accuracies(training)}
    return {name: Markup(chart) for name, chart in charts.items()}


def _confusion_chart(test: TestFacts | None) -> str:
    if test is None or not test.confusion:
        return ""
    return Markup(draw_confusion(test.confusion, tuple(entry.name for entry in test.classes)))


def _validation_accuracy(facts: Facts) -> float | None:
    """The recorded one, or that of the first training run's last epoch."""
    if facts.validation_accuracy is not None or not facts.training:
        return facts.validation_accuracy
    return facts.training[0].validation_accuracy[-1]
