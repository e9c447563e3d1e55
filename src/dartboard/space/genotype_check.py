"""Check whether a genotype is an architecture of its space; if not, the error tells which edge is wrong and why."""

from collections.abc import Sequence

from dartboard.errors import GenotypeError, suggest
from dartboard.space.genotype import CellGenotype, Choice, Genotype
from dartboard.space.ops import ATTENTION, OPS
from dartboard.space.spaces.search_space import SearchSpace
from dartboard.space.topology import stage_lengths
from dartboard.wording import cell_name, count, listing

__all__ = ["check_genotype"]


def check_genotype(genotype: Genotype, space: SearchSpace, *, strict: bool = True, exact: bool = False) -> None:
    """Accept `genotype`, or say why it is not an architecture of `space`.

    Where cells join their nodes, a node may be absent: then it receives nothing, feeds nothing and is not joined.

    Args:
        genotype: the architecture.
        space: its space.
        strict: whether to demand the form that searches give. In spaces that keep every edge, each edge then has one
            operation. In other spaces the output joins exactly the nodes that receive something, and no edge has an
            operation twice; the method decides how many operations a node keeps (two in DARTS, any number in Fair
            DARTS). When off, nodes without edges may be joined and operations repeated, as in some published cells.
        exact: whether to demand the form of DARTS as well: every node keeps as many edges as the space says, or all
            that it has if these are fewer, with one operation each.

    Raises:
        GenotypeError: it is not an architecture of the space; the message names the cell and the edge.
    """
    kinds = tuple(kind for kind, _ in genotype.cells)
    if kinds != space.cell_kinds:
        raise GenotypeError(
            f"a genotype of the space '{space.name}' has {_listed(space.cell_kinds, 'the cells ')}; this one has "
            f"{_listed(kinds)}."
        )
    for kind, cell in genotype.cells:
        for choice in cell.choices:
            _check_choice(kind, choice, space)
        _check_outputs(kind, cell, space)
        _check_attention(f"the output of the {cell_name(kind)}", cell.attention, "the nodes of a cell")
        if strict:
            for node in space.cell.nodes:
                _check_node(kind, node, cell, space)
        if exact:
            for node in space.cell.nodes:
                _check_exactly(kind, node, cell, space)


def _listed(kinds: Sequence[str], named: str = "") -> str:
    """The kinds of cells after the words `named`; for a layer-wise network the number of blocks of each stage."""
    lengths = stage_lengths(kinds)
    if lengths:
        return f"stages of {', '.join(map(str, lengths))} blocks"
    return named + (", ".join(kinds) or "none")


def _check_outputs(kind: str, cell: CellGenotype, space: SearchSpace) -> None:
    """The output joins all nodes, or all but absent ones."""
    nodes = tuple(space.cell.nodes)
    joins = space.cell.output == "concat"
    receiving = tuple(node for node in nodes if any(choice.target == node for choice in cell.choices))
    expected = (receiving or nodes) if joins else nodes[-1:]
    if cell.outputs not in (expected, nodes if joins else expected):
        raise GenotypeError(
            f"the output of the {cell_name(kind)} must come from the nodes {list(expected)} in the space "
            f"'{space.name}', not from {list(cell.outputs)}."
        )
    present = {*range(space.cell.num_inputs), *(cell.outputs if joins else nodes)}
    for choice in cell.choices:
        if choice.source not in present:
            raise GenotypeError(
                f"edge {choice.source} -> {choice.target} of the {cell_name(kind)} starts at a node that receives "
                "nothing; leave out the edge as well."
            )


def _check_choice(kind: str, choice: Choice, space: SearchSpace) -> None:
    edge = f"edge {choice.source} -> {choice.target} of the {cell_name(kind)}"
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
    own = [space.ops[column] for column in space.selectable_on(kind, space.cell.row(choice.target, choice.source))]
    if choice.op not in own:
        raise GenotypeError(
            f"{edge} uses '{choice.op}', which this edge does not have in the space '{space.name}'; it has "
            f"{listing(own)}."
        )
    _check_attention(edge, choice.attention, "an operation")


def _check_attention(place: str, name: str, what: str) -> None:
    if name and (name not in OPS or name == "none"):
        raise GenotypeError(
            f"{place} has the attention '{name}', which cannot follow {what}; {suggest(name, ATTENTION)}"
        )


def _check_node(kind: str, node: int, cell: CellGenotype, space: SearchSpace) -> None:
    kept = [(choice.source, choice.op) for choice in cell.choices if choice.target == node]
    sources = [source for source, _ in kept]
    keeps_all = space.cell.edges_per_node is None
    repeated = sorted({pair for pair in kept if (sources.count(pair[0]) if keeps_all else kept.count(pair)) > 1})
    if repeated:
        raise GenotypeError(
            f"node {node} of the {cell_name(kind)} takes node {repeated[0][0]} twice"
            f"{'' if keeps_all else ' in one way'}; its inputs must differ."
        )
    if keeps_all and len(sources) != node:
        raise GenotypeError(
            f"node {node} of the {cell_name(kind)} has {len(sources)} incoming edges; '{space.name}' wants {node}."
        )
    if not kept and node in cell.outputs:
        raise GenotypeError(
            f"node {node} of the {cell_name(kind)} receives nothing but belongs to the output; leave it out of "
            "the output."
        )


def _check_exactly(kind: str, node: int, cell: CellGenotype, space: SearchSpace) -> None:
    sources = [choice.source for choice in cell.choices if choice.target == node]
    wanted = min(node, space.cell.edges_per_node or node)
    if len(sources) != wanted or len(set(sources)) != wanted:
        raise GenotypeError(
            f"node {node} of the {cell_name(kind)} receives {count(len(sources), 'operation')} from "
            f"{count(len(set(sources)), 'node')}; in '{space.name}' it must receive {wanted} from different nodes."
        )
