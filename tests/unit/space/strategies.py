"""Random genotypes, valid or nearly."""

from collections.abc import Sequence

from hypothesis import strategies as st

from dartboard.space import ATTENTION, CellGenotype, Choice, Genotype, SearchSpace, get_space

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")


def _outputs(space: SearchSpace) -> tuple[int, ...]:
    nodes = tuple(space.cell.nodes)
    return nodes if space.cell.output == "concat" else nodes[-1:]


@st.composite
def _cells(draw: st.DrawFn, space: SearchSpace, strict: bool) -> CellGenotype:
    attention = st.sampled_from(draw(st.sampled_from([("",), ATTENTION, ("", *ATTENTION)])))
    ops = st.sampled_from([space.ops[column] for column in space.selectable_ops])
    choices = []
    for node in space.cell.nodes:
        if strict:
            kept = space.cell.edges_per_node or node
            sources: Sequence[int] = sorted(draw(st.permutations(range(node)))[:kept])
        else:
            sources = draw(st.lists(st.integers(0, node - 1), max_size=4))
        choices += sorted(Choice(node, source, draw(ops), draw(attention)) for source in sources)
    return CellGenotype(tuple(choices), _outputs(space))


@st.composite
def genotypes(draw: st.DrawFn, *, strict: bool) -> Genotype:
    """Genotypes of both spaces, with attention on no, some or all edges.

    Unless `strict`, nodes keep 0 to 4 edges, a predecessor maybe twice.
    """
    space = draw(st.sampled_from([DARTS, NB201]))
    return Genotype(space.name, tuple((kind, draw(_cells(space, strict))) for kind in space.cell_kinds))


strict_genotypes = genotypes(strict=True)
loose_genotypes = genotypes(strict=False)
