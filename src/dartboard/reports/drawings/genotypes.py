"""Drawings of an architecture: its cells, or its layers."""

from markupsafe import Markup

from dartboard.errors import DartboardError
from dartboard.reports.drawings.cell_diagram import draw_cell
from dartboard.reports.drawings.layer_diagram import draw_layers
from dartboard.space import Genotype, get_space

__all__ = ["cell_title", "draw_genotype"]


def draw_genotype(genotype: Genotype) -> list[tuple[str, Markup]]:
    """The drawings of an architecture as (kind, `<svg>`): one for each kind of cells, or one of all layers."""
    # Markup marks the text as HTML, since the drawings escape every name that they contain.
    if genotype.stages:
        return [("layers", Markup(draw_layers(genotype)))]
    try:
        num_inputs = get_space(genotype.space).cell.num_inputs
    except DartboardError:  # a space that is not installed here
        num_inputs = None
    return [
        (kind, Markup(draw_cell(cell, title=cell_title(kind), num_inputs=num_inputs))) for kind, cell in genotype.cells
    ]


def cell_title(kind: str) -> str:
    """The name of a kind of cells, as in "normal cell"."""
    return {"reduce": "reduction cell", "cell": "cell"}.get(kind, f"{kind} cell")
