"""Drawings of an architecture: its cells, or its layers."""

from markupsafe import Markup

from dartboard.errors import DartboardError
from dartboard.reports.drawings.cell_diagram import draw_cell
from dartboard.reports.drawings.layer_diagram import draw_layers
from dartboard.space import CellPlace, Genotype, SearchSpace, get_space
from dartboard.wording import cell_name

__all__ = ["cell_inputs", "cell_title", "draw_genotype"]


def draw_genotype(genotype: Genotype) -> list[tuple[str, Markup]]:
    """The drawings of an architecture, each an `<svg>` with what it shows: its cells by kind, or its layers."""
    # Markup says that a text is markup already: the drawings escape every name they contain.
    space = _space(genotype)
    if genotype.stages:
        return [("layers", Markup(draw_layers(genotype, shortcuts=space is None or _has_shortcuts(space))))]
    num_inputs = cell_inputs(genotype)
    return [
        (kind, Markup(draw_cell(cell, title=cell_title(kind), num_inputs=num_inputs))) for kind, cell in genotype.cells
    ]


def cell_inputs(genotype: Genotype) -> int | None:
    """Number of input nodes of the cells of an architecture; None for a space that is not installed here."""
    space = _space(genotype)
    return None if space is None else space.cell.num_inputs


def _space(genotype: Genotype) -> SearchSpace | None:
    try:
        return get_space(genotype.space)
    except DartboardError:  # a space that is not installed here
        return None


def cell_title(kind: str) -> str:
    """The name of a kind of cells, as in "normal cell"."""
    return cell_name("reduction" if kind == "reduce" else kind)


def _has_shortcuts(space: SearchSpace) -> bool:
    """Whether blocks of a layer-wise space have an identity shortcut around them."""
    channels, layers = space.small_size
    plan = space.plan(in_channels=3, num_classes=2, init_channels=channels, layers=layers)
    return any(isinstance(place, CellPlace) and place.shortcut for place in plan.places)
