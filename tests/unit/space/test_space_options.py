"""Spaces of DARTS cells with other numbers of inputs per node, kinds of cells, and cells that a cell reads."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import GenotypeError
from dartboard.parts import StrongestEdges, UniformlyRandom
from dartboard.parts.selection import Selection
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.settings.genotype import read_genotype
from dartboard.space import PUBLISHED, Genotype, Network, SearchSpace, check_genotype, get_space, parse_genotype
from dartboard.testing.small import open_small

PAIRS = {"1": 4, "2": 8, "3": 11, "all": 14}
V2 = PUBLISHED["darts-v2"]


def chosen(selection: Selection, space: SearchSpace, seed: int = 0) -> Genotype:
    """The architecture of random gates, the same ones for every number of inputs."""
    drawn = torch.Generator().manual_seed(seed)
    gates = {kind: torch.rand(space.alpha_shape, generator=drawn) for kind in space.cell_kinds}
    return selection(space, gates, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("selection", [StrongestEdges(), UniformlyRandom()])
@pytest.mark.parametrize(("inputs", "pairs"), PAIRS.items())
def test_a_node_keeps_as_many_edges_as_asked(selection: Selection, inputs: str, pairs: int) -> None:
    space = get_space(f"darts:inputs={inputs}")
    genotype = chosen(selection, space)
    assert [len(cell.choices) for _, cell in genotype.cells] == [pairs, pairs]
    check_genotype(genotype, space, exact=True)


def test_a_cell_with_more_inputs_contains_those_with_fewer() -> None:
    cells = [chosen(StrongestEdges(), get_space(f"darts:inputs={inputs}")) for inputs in PAIRS]
    for fewer, more in pairwise(cells):
        for kind in ("normal", "reduce"):
            assert set(fewer[kind].choices) < set(more[kind].choices)
    assert cells[1] == chosen(StrongestEdges(), get_space("darts"))


def test_the_exact_form_is_demanded_on_request_only() -> None:
    kept_all = chosen(StrongestEdges(), get_space("darts:inputs=all"))
    with pytest.raises(GenotypeError, match="node 3 of the normal cell receives 3 operations from 3 nodes; in 'darts'"):
        check_genotype(replace(kept_all, space="darts"), get_space("darts"), exact=True)
    with pytest.raises(GenotypeError, match="it must receive 2 from different nodes"):
        check_genotype(PUBLISHED["fair-darts-b"], get_space("darts"), exact=True)
    check_genotype(V2, get_space("darts"), exact=True)
    check_genotype(PUBLISHED["nas-bench-201-9930"], get_space("nas-bench-201"), exact=True)


def test_one_kind_of_cells_is_the_network_of_two_equal_cells() -> None:
    two, one = get_space("darts"), get_space("darts:kinds=1")
    equal = Genotype("darts", (("normal", V2["normal"]), ("reduce", V2["normal"])))
    shared = Genotype(one.name, (("shared", V2["normal"]),))
    found = []
    for space, genotype in ((two, equal), (one, shared)):
        plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=5)
        torch.manual_seed(0)
        network = Network(space, genotype, plan).eval()
        found.append(network(torch.linspace(0, 1, 2 * 64).view(2, 1, 8, 8)))
    torch.testing.assert_close(*found, rtol=0, atol=0)
    assert read_genotype(shared.to_text()) == shared
    assert parse_genotype(shared.to_text(), "robust-s2:kinds=1").space == "robust-s2:kinds=1"


def test_a_cell_that_reads_one_cell_has_one_input() -> None:
    space = get_space("darts:cell_inputs=1")
    assert len(space.cell.edges) == 10
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=3, stem="imagenet")
    assert [place.input_channels for place in plan.places] == [(8,), (32,), (64,)]  # type: ignore[union-attr]
    assert [place.input_strides for place in plan.places] == [(1,), (1,), (1,)]  # type: ignore[union-attr]


@pytest.mark.parametrize("method", ["darts-pt", "sgas", "dots", "enas", "fair-darts"])
def test_methods_with_rules_of_their_own_keep_to_the_options(method: str, tmp_path: Path) -> None:
    """Decisions by perturbation and by greed, sets of edges, tokens of a controller, and thresholds."""
    name = "robust-s3:nodes=2,inputs=1,kinds=1"
    layers = {"space": name, "method.name": method, "search.epochs": 2, "search.steps_per_epoch": 1}
    with RunDirectory(tmp_path) as run:
        genotype = search_genotype(open_small(run, layers))
    check_genotype(genotype, get_space(name), exact=method != "fair-darts")
    assert [kind for kind, _ in genotype.cells] == ["shared"]
