"""Whether a genotype is an architecture of its space, and if not, which edge is wrong and why."""

from dartboard.errors import GenotypeError, suggest
from dartboard.space.genotype import CellGenotype, Choice, Genotype
from dartboard.space.ops import ATTENTION, OPS
from dartboard.space.spaces.registry import SearchSpace

__all__ = ["check_genotype"]


def check_genotype(genotype: Genotype, space: SearchSpace, *, strict: bool = True) -> None:
    """Accept `genotype`, or say what keeps it from being an architecture of `space`.

    Args:
        genotype: the architecture.
        space: its space.
        strict: demand the form that searches give: every node keeps exactly `edges_per_node` operations on different
            predecessors (all edges where that is None). Otherwise 0 or more per node will do, since some published
            cells keep fewer or take one predecessor twice.

    Raises:
        GenotypeError: it is not; the message names the cell and the edge.
    """
    kinds = tuple(kind for kind, _ in genotype.cells)
    if kinds != space.cell_kinds:
        raise GenotypeError(
            f"a genotype of the space '{space.name}' has the cells {', '.join(space.cell_kinds)}; "
            f"this one has {', '.join(kinds) or 'none'}."
        )
    for kind, cell in genotype.cells:
        _check_outputs(kind, cell, space)
        for choice in cell.choices:
            _check_choice(kind, choice, space)
        if strict:
            for node in space.cell.nodes:
                _check_node(kind, node, cell, space)


def _check_outputs(kind: str, cell: CellGenotype, space: SearchSpace) -> None:
    nodes = tuple(space.cell.nodes)
    expected = nodes if space.cell.output == "concat" else nodes[-1:]
    if cell.outputs != expected:
        raise GenotypeError(
            f"the output of the {kind} cell must come from the nodes {list(expected)} in the space '{space.name}', "
            f"not from {list(cell.outputs)}."
        )


def _check_choice(kind: str, choice: Choice, space: SearchSpace) -> None:
    edge = f"edge {choice.source} -> {choice.target} of the {kind} cell"
    if choice.target not in space.cell.nodes or not 0 <= choice.source < choice.target:
        raise GenotypeError(
            f"{edge} does not exist in the space '{space.name}': nodes {space.cell.nodes.start} to "
            f"{space.cell.nodes.stop - 1} receive from earlier nodes only."
        )
    allowed = [space.ops[column] for column in space.selectable_ops]
    if choice.op not in allowed:
        raise GenotypeError(
            f"{edge} uses '{choice.op}', which a '{space.name}' cell cannot hold; {suggest(choice.op, allowed)}"
        )
    if choice.attention and (choice.attention not in OPS or choice.attention == "none"):
        raise GenotypeError(
            f"{edge} has the attention '{choice.attention}', which cannot follow an operation; "
            f"{suggest(choice.attention, ATTENTION)}"
        )


def _check_node(kind: str, node: int, cell: CellGenotype, space: SearchSpace) -> None:
    sources = [choice.source for choice in cell.choices if choice.target == node]
    wanted = node if space.cell.edges_per_node is None else space.cell.edges_per_node
    repeated = sorted({source for source in sources if sources.count(source) > 1})
    if repeated:
        raise GenotypeError(f"node {node} of the {kind} cell takes node {repeated[0]} twice; its inputs must differ.")
    if len(sources) != wanted:
        raise GenotypeError(
            f"node {node} of the {kind} cell has {len(sources)} incoming edges; '{space.name}' wants {wanted}."
        )
