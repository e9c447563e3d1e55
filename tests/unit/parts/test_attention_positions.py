"""Where attention is searched: behind operations, at the end of cells, among the candidates, or in two mixtures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import GenotypeError, RecipeError
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.space import (
    ATTENTION,
    MODULES,
    PUBLISHED,
    Genotype,
    Network,
    check_genotype,
    get_space,
    network_cost,
    parse_genotype,
)
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec
from dartboard.supernet.carry import path_weights
from dartboard.testing.small import open_small

SMALL = "darts:nodes=2"
CANDIDATES = "darts:nodes=2,attention=candidates"
SIZE = {"in_channels": 1, "num_classes": 3, "init_channels": 16, "layers": 3, "image_size": (8, 8)}


def images(seed: int = 1) -> torch.Tensor:
    return torch.randn(3, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def built(name: str, mixing: Mixing, engine: type[ReferenceSupernet] = ReferenceSupernet) -> ReferenceSupernet:
    space = get_space(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return engine(SupernetSpec(space, space.plan(**SIZE), mixing)).double()


def one_hot(names: tuple[str, ...], name: str, *rows: int) -> torch.Tensor:
    gates = torch.zeros(*rows, len(names), dtype=torch.float64)
    gates[..., names.index(name)] = 1
    return gates


def with_ends(genotype: Genotype, **ends: str) -> Genotype:
    return replace(genotype, cells=tuple((kind, replace(cell, attention=ends[kind])) for kind, cell in genotype.cells))


def drawn_gates(supernet: ReferenceSupernet) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    space, mixing = supernet.spec.space, supernet.spec.mixing
    gates = {kind: torch.rand(space.alpha_shape, dtype=torch.float64, generator=generator) for kind in space.cell_kinds}
    for kind in space.cell_kinds:
        gates[f"{kind}.end"] = torch.rand(len(mixing.end), dtype=torch.float64, generator=generator)
    return gates


def test_at_the_end_the_identity_alone_is_the_cell_without_attention() -> None:
    plain, ended = built(SMALL, Mixing()), built(SMALL, Mixing(end=ATTENTION))
    ended.load_state_dict(plain.state_dict(), strict=False)
    gates = drawn_gates(ended)
    alone = {**gates, **{f"{kind}.end": one_hot(ATTENTION, "identity") for kind in ("normal", "reduce")}}
    torch.testing.assert_close(ended(images(), alone), plain(images(), gates))
    assert not torch.allclose(ended(images(), gates), plain(images(), gates))


def test_both_engines_apply_attention_at_the_end_alike() -> None:
    slow, fast = (built(SMALL, Mixing(end=ATTENTION), engine) for engine in (ReferenceSupernet, FusedSupernet))
    gates = {name: gate.requires_grad_() for name, gate in drawn_gates(slow).items()}
    found = []
    for supernet in (slow, fast):
        logits = supernet(images(), gates)
        found.append([logits, *torch.autograd.grad(logits.square().sum(), list(gates.values()))])
    torch.testing.assert_close(*found, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kinds", [("normal", "reduce"), ("cell",)])
def test_attention_at_the_end_survives_text_and_json_and_is_counted(kinds: tuple[str, ...]) -> None:
    plain = PUBLISHED["darts-v2" if len(kinds) == 2 else "nas-bench-201-9930"]
    ended = with_ends(plain, **dict.fromkeys(kinds, "cbam"))
    assert parse_genotype(ended.to_text()) == Genotype.from_json(ended.to_json()) == ended != plain
    check_genotype(ended, get_space(ended.space))
    assert ended.operation_counts["cbam"] == len(kinds)
    with pytest.raises(GenotypeError, match=r"the output of the .*cell has the attention 'cbm', .* 'cbam'"):
        check_genotype(with_ends(plain, **dict.fromkeys(kinds, "cbm")), get_space(ended.space))
    space = get_space(ended.space)
    plan = space.plan(in_channels=3, num_classes=10, init_channels=8, layers=3, image_size=(16, 16))
    with torch.device("meta"):
        network = Network(space, ended, plan)
        assert network(torch.empty(2, 3, 16, 16)).shape == (2, 10)
    assert network_cost(space, ended, plan, (16, 16)).parameters == sum(each.numel() for each in network.parameters())


def test_a_network_takes_the_weights_of_the_attention_at_the_end() -> None:
    supernet = built("nas-bench-201", Mixing(end=ATTENTION))
    genotype = with_ends(PUBLISHED["nas-bench-201-9930"], cell="bam")
    carried = path_weights(supernet.state_dict(), supernet.spec, genotype)
    space = get_space("nas-bench-201")
    own = Network(space, genotype, supernet.spec.plan).state_dict()
    ends = [name for name in own if ".end." in name and "running" not in name and "tracked" not in name]
    assert ends
    assert all(name in carried for name in ends)


@pytest.mark.parametrize("position", ["end", "after_every_and_end", "mixed_with_operation", "double_mixed"])
def test_each_position_is_searched_and_chosen(position: str, tmp_path: Path) -> None:
    name = CANDIDATES if "mixed" in position else SMALL
    layers = {
        "space": name,
        "method": {"name": "att-darts", "options": {"position": position, "order": "first"}},
        "search.epochs": 1,
        "search.steps_per_epoch": 1,
    }
    with RunDirectory(tmp_path) as run:
        genotype = search_genotype(open_small(run, layers))
    check_genotype(genotype, get_space(name), exact=True)
    for _, cell in genotype.cells:
        assert (cell.attention in ATTENTION) == ("end" in position)
        behind = {choice.attention for choice in cell.choices}
        assert (behind == {""}) == (position in ("end", "mixed_with_operation"))
        assert "none" not in behind


def test_alpha_has_the_shapes_of_the_positions() -> None:
    shapes = {}
    for position in ("no_attention", "end", "after_every_and_end", "mixed_with_operation", "double_mixed"):
        space = get_space("darts:attention=candidates" if "mixed" in position else "darts")
        recipe = make_recipe("att-darts", {"position": position})
        check_fit(recipe, space)
        architecture = Architecture.of(recipe, space, all_live(space), torch.device("cpu"))
        alphas = architecture.initial_alphas(torch.Generator().manual_seed(0))
        shapes[position] = {key: tuple(alpha.shape) for key, alpha in alphas.items() if key.startswith("normal")}
    assert shapes == {
        "no_attention": {"normal": (14, 8)},
        "end": {"normal": (14, 8), "normal.end": (6,)},
        "after_every_and_end": {"normal": (14, 8), "normal.attention": (14, 6), "normal.end": (6,)},
        "mixed_with_operation": {"normal": (14, 13)},
        "double_mixed": {"normal": (14, 13), "normal.attention": (14, 13)},
    }


def test_modules_compete_only_where_they_are_candidates() -> None:
    assert get_space("darts:attention=candidates").ops[8:] == MODULES
    with pytest.raises(RecipeError, match="as in darts:attention=candidates"):
        check_fit(make_recipe("att-darts", {"position": "mixed_with_operation"}), get_space("darts"))
    with pytest.raises(RecipeError, match="attention at the end of cells is searched"):
        check_fit(make_recipe("att-darts", {"position": "end"}), get_space("proxyless"))


def test_p_darts_chooses_attention_in_its_last_stage(tmp_path: Path) -> None:
    layers = {
        "space": "robust-s2:nodes=1,kinds=1",
        "method": {"name": "p-darts", "options": {"attention": True, "max_skips": 0}},
        "search.epochs": 3,
        "search.steps_per_epoch": 1,
    }
    with RunDirectory(tmp_path) as run:
        genotype = search_genotype(open_small(run, layers))
    assert all(choice.attention in ATTENTION for _, cell in genotype.cells for choice in cell.choices)
    assert all(choice.op != "skip_connect" for choice in genotype["shared"].choices)
