from dataclasses import replace

import pytest
from hypothesis import given

from dartboard.errors import GenotypeError
from dartboard.space import PUBLISHED, CellGenotype, Choice, Genotype, check_genotype, get_space, parse_genotype

from .strategies import loose_genotypes, strict_genotypes

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")
V2 = PUBLISHED["darts-v2"]


def with_choice(position: int, choice: Choice) -> Genotype:
    """DARTS V2 with one edge of its normal cell replaced."""
    choices = list(V2["normal"].choices)
    choices[position] = choice
    return Genotype("darts", (("normal", replace(V2["normal"], choices=tuple(choices))), V2.cells[1]))


def without(*positions: int) -> Genotype:
    """DARTS V2 without some edges of its reduction cell."""
    kept = tuple(choice for number, choice in enumerate(V2["reduce"].choices) if number not in positions)
    return Genotype("darts", (V2.cells[0], ("reduce", replace(V2["reduce"], choices=kept))))


def with_outputs(genotype: Genotype, *outputs: int) -> Genotype:
    """The same with another output of its reduction cell."""
    return Genotype("darts", (genotype.cells[0], ("reduce", replace(genotype["reduce"], outputs=outputs))))


@given(strict_genotypes)
def test_what_a_search_gives_is_accepted(genotype: Genotype) -> None:
    check_genotype(genotype, get_space(genotype.space))


@given(loose_genotypes)
def test_any_number_of_edges_is_accepted_unless_strict(genotype: Genotype) -> None:
    space = get_space(genotype.space)
    check_genotype(genotype, space, strict=False)
    kept = {
        (kind, node): [(choice.source, choice.op) for choice in cell.choices if choice.target == node]
        for kind, cell in genotype.cells
        for node in space.cell.nodes
    }
    if space.cell.edges_per_node is None:
        is_found = all(sorted(source for source, _ in pairs) == list(range(key[1])) for key, pairs in kept.items())
    else:
        is_found = all(pairs and len(pairs) == len(set(pairs)) for pairs in kept.values())
    if is_found:
        check_genotype(genotype, space)
    else:
        with pytest.raises(GenotypeError, match=r"takes node|incoming edges|receives nothing"):
            check_genotype(genotype, space)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    ("genotype", "sentence"),
    [
        (with_choice(0, Choice(2, 0, "none")), "edge 0 -> 2 of the normal cell uses 'none', which a 'darts' cell"),
        (
            with_choice(0, Choice(2, 0, "sep_conv_3x4")),
            r"edge 0 -> 2 of the normal cell uses 'sep_conv_3x4', .* did you mean 'sep_conv_3x3'",
        ),
        (with_choice(0, Choice(2, 0, "nor_conv_3x3")), "uses 'nor_conv_3x3', which a 'darts' cell cannot hold"),
        (
            with_choice(0, Choice(2, 0, "skip_connect", "cbm")),
            r"edge 0 -> 2 of the normal cell has the attention 'cbm', which cannot follow .* did you mean 'cbam'",
        ),
        (with_choice(0, Choice(2, 0, "skip_connect", "none")), "has the attention 'none', which cannot follow"),
        (with_choice(2, Choice(3, 3, "skip_connect")), "edge 3 -> 3 of the normal cell does not exist"),
        (with_choice(2, Choice(3, 5, "skip_connect")), "edge 5 -> 3 of the normal cell does not exist"),
        (with_choice(2, Choice(3, -1, "skip_connect")), "edge -1 -> 3 of the normal cell does not exist"),
        (with_choice(2, Choice(1, 0, "skip_connect")), "edge 0 -> 1 .* nodes 2 to 5 receive from earlier nodes only"),
        (with_choice(2, Choice(6, 0, "skip_connect")), "edge 0 -> 6 of the normal cell does not exist"),
        (
            Genotype("darts", (V2.cells[0], ("reduce", replace(V2["reduce"], outputs=(3, 4, 5))))),
            r"output of the reduce cell must come from the nodes \[2, 3, 4, 5\] .* not from \[3, 4, 5\]",
        ),
        (Genotype("darts", V2.cells[:1]), "has the cells normal, reduce; this one has normal"),
        (Genotype("darts", V2.cells[::-1]), "has the cells normal, reduce; this one has reduce, normal"),
        (Genotype("darts", ()), "has the cells normal, reduce; this one has none"),
        (parse_genotype("|none~0|"), "has the cells normal, reduce; this one has cell"),
    ],
)
def test_what_no_network_can_be_built_from_is_refused_with_edge_and_reason(
    genotype: Genotype, sentence: str, strict: bool
) -> None:
    with pytest.raises(GenotypeError, match=sentence):
        check_genotype(genotype, DARTS, strict=strict)


@pytest.mark.parametrize(
    ("genotype", "sentence"),
    [
        (
            without(0, 1),
            "node 2 of the reduce cell receives nothing but belongs to the output; leave it out of the output",
        ),
        (with_choice(1, Choice(2, 0, "sep_conv_3x3")), "node 2 of the normal cell takes node 0 twice in one way"),
    ],
)
def test_only_the_strict_form_looks_at_silent_and_repeated_inputs(genotype: Genotype, sentence: str) -> None:
    check_genotype(genotype, DARTS, strict=False)
    with pytest.raises(GenotypeError, match=sentence):
        check_genotype(genotype, DARTS)


def test_a_nas_bench_201_cell_holds_none_and_keeps_every_edge() -> None:
    check_genotype(parse_genotype("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"), NB201)
    with pytest.raises(GenotypeError, match="node 3 of the cell has 2 incoming edges; 'nas-bench-201' wants 3"):
        check_genotype(parse_genotype("|none~0|+|none~0|none~1|+|none~0|none~1|"), NB201)
    with pytest.raises(GenotypeError, match=r"must come from the nodes \[3\] .* not from \[2\]"):
        check_genotype(parse_genotype("|none~0|+|none~0|none~1|"), NB201)


def test_an_empty_cell_is_an_architecture_only_unless_strict() -> None:
    genotype = Genotype("nas-bench-201", (("cell", CellGenotype((), (3,))),))
    check_genotype(genotype, NB201, strict=False)
    with pytest.raises(GenotypeError, match="node 1 of the cell has 0 incoming edges"):
        check_genotype(genotype, NB201)


def test_a_node_keeps_one_operation_or_many_where_edges_are_dropped() -> None:
    check_genotype(without(0), DARTS)
    check_genotype(with_choice(1, Choice(2, 0, "sep_conv_5x5")), DARTS)
    check_genotype(with_choice(1, Choice(3, 2, "sep_conv_5x5")), DARTS)


@pytest.mark.parametrize("strict", [True, False])
def test_a_node_that_has_left_receives_feeds_and_joins_nothing(strict: bool) -> None:
    """In the reduction cell of DARTS V2 node 3 feeds nothing, and node 2 feeds all others."""
    check_genotype(with_outputs(without(2, 3), 2, 4, 5), DARTS, strict=strict)
    for genotype, sentence in [
        (with_outputs(without(2), 2, 4, 5), r"must come from the nodes \[2, 3, 4, 5\] .* not from \[2, 4, 5\]"),
        (
            with_outputs(without(0, 1), 3, 4, 5),
            "edge 2 -> 3 of the reduce cell starts at a node that receives",
        ),
        (with_outputs(without(*range(8))), r"must come from the nodes \[2, 3, 4, 5\] .* not from \[\]"),
        (with_outputs(without(2, 3), 5, 4, 2), r"must come from the nodes \[2, 4, 5\] .* not from \[5, 4, 2\]"),
    ]:
        with pytest.raises(GenotypeError, match=sentence):
            check_genotype(genotype, DARTS, strict=strict)
