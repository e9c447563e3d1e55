"""The contract of a space."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from dartboard.errors import SettingsError
from dartboard.parts import UniformlyRandom
from dartboard.reports.drawings.cell_diagram import draw_cell
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.space import (
    OPS,
    SPACES,
    CellGenotype,
    Choice,
    Genotype,
    Network,
    NetworkPlan,
    SearchSpace,
    check_genotype,
    get_space,
    network_cost,
    parse_genotype,
)
from dartboard.supernet import FusedSupernet, ReferenceSupernet, SupernetSpec
from dartboard.testing.contract import Contract, for_each
from dartboard.testing.small import open_small

__all__ = ["SpaceContract", "drawn_genotype", "uniform_genotype"]


def uniform_genotype(space: SearchSpace, op: str) -> Genotype:
    """A genotype with the first edges of every node; an edge that lacks the operation `op` takes its first one."""
    nodes = tuple(space.cell.nodes)
    kept = space.cell.edges_per_node
    edges = [(node, source) for node in nodes for source in range(node if kept is None else min(kept, node))]

    def chosen(kind: str, node: int, source: int) -> str:
        own = [space.ops[column] for column in space.selectable_on(kind, space.cell.row(node, source))]
        return op if op in own else own[0]

    outputs = nodes if space.cell.output == "concat" else nodes[-1:]
    cells = (
        (kind, CellGenotype(tuple(Choice(*edge, chosen(kind, *edge)) for edge in edges), outputs))
        for kind in space.cell_kinds
    )
    return Genotype(space.name, tuple(cells))


def drawn_genotype(space: SearchSpace, seed: int = 0) -> Genotype:
    """An architecture of the space, drawn as `UniformlyRandom` draws it."""
    return UniformlyRandom()(space, {}, torch.Generator().manual_seed(seed))


def _smallest_plan(space: SearchSpace, **sizes: Any) -> NetworkPlan:
    wanted = {"in_channels": 1, "num_classes": 3, "init_channels": 4} | sizes
    return space.plan(layers=max(3, space.skeleton.fewest_layers), **wanted)


class SpaceContract(Contract):
    """What every registered space promises: its networks can be built, searched, written down and read again.

    Attributes:
        spaces: names of the spaces to test, with options as in "darts:nodes=3".
    """

    spaces: ClassVar[Sequence[str]] = ()

    def kept_by(self) -> Iterable[str]:
        """The names of the spaces."""
        return self.spaces

    @for_each("name", lambda own: own.spaces)
    def test_the_space_is_found_by_its_name_and_says_what_it_is(self, name: str) -> None:
        """The name of a space leaves out options that have their default."""
        assert get_space(name).name == name
        assert SPACES[name.partition(":")[0]].summary

    @for_each("name", lambda own: own.spaces)
    def test_candidates_are_registered_and_distinct(self, name: str) -> None:
        """The operations that a norm follows (`normalized_ops`) are candidates too."""
        space = get_space(name)
        assert all(op in OPS for op in space.ops)
        assert len(set(space.ops)) == len(space.ops)
        assert space.normalized_ops <= set(space.ops)

    @for_each("name", lambda own: own.spaces)
    def test_alpha_has_a_row_for_every_edge_and_a_column_for_every_operation(self, name: str) -> None:
        """This also holds for spaces where edges differ in their operations."""
        space = get_space(name)
        assert space.alpha_shape == (len(space.cell.edges), len(space.ops))

    @for_each("name", lambda own: own.spaces)
    def test_none_is_selectable_only_where_no_edge_is_dropped(self, name: str) -> None:
        """If a space drops edges, a dropped edge takes the place of `none`. All other operations are selectable."""
        space = get_space(name)
        selectable = [space.ops[column] for column in space.selectable_ops]
        assert ("none" in selectable) == ("none" in space.ops and space.cell.edges_per_node is None)
        assert [op for op in space.ops if op != "none"] == [op for op in selectable if op != "none"]

    @for_each("name", lambda own: own.spaces)
    def test_every_selectable_operation_gives_an_architecture_that_classifies(self, name: str) -> None:
        """The images have odd sides."""
        space = get_space(name)
        for column in space.selectable_ops:
            genotype = uniform_genotype(space, space.ops[column])
            check_genotype(genotype, space)
            with torch.device("meta"):
                assert Network(space, genotype, _smallest_plan(space))(torch.empty(2, 1, 9, 9)).shape == (2, 3)

    @for_each("name", lambda own: own.spaces)
    def test_no_network_has_fewer_layers_than_the_fewest(self, name: str) -> None:
        """The error message names the layers."""
        space = get_space(name)
        with pytest.raises(SettingsError, match="layer"):
            space.plan(in_channels=1, num_classes=3, init_channels=4, layers=space.skeleton.fewest_layers - 1)

    @for_each("name", lambda own: own.spaces)
    def test_plans_carry_what_was_asked(self, name: str) -> None:
        """A plan has the channels, classes and stem that were asked for, and every kind of cells at least once."""
        space = get_space(name)
        plan = _smallest_plan(space, in_channels=2, num_classes=7, init_channels=6)
        assert (plan.in_channels, plan.num_classes, plan.stem) == (2, 7, "cifar")
        assert {getattr(place, "kind", None) for place in plan.places} - {None} == set(space.cell_kinds)

    @for_each("name, size", lambda own: [(name, size) for name in own.spaces for size in ("reference", "small")])
    def test_the_named_sizes_can_be_built(self, name: str, size: str) -> None:
        """The sizes are that of the paper, and the smallest size that is worth a search."""
        space = get_space(name)
        channels, layers = space.reference_size if size == "reference" else space.small_size
        plan = space.plan(in_channels=3, num_classes=10, init_channels=channels, layers=layers)
        assert network_cost(space, uniform_genotype(space, "skip_connect"), plan, (32, 32)).parameters > 0

    @for_each("name", lambda own: own.spaces)
    def test_architectures_survive_text_json_and_drawing(self, name: str) -> None:
        """The architectures are a uniform one and five drawn ones."""
        space = get_space(name)
        drawn = [drawn_genotype(space, seed) for seed in range(5)]
        for genotype in (uniform_genotype(space, space.ops[-1]), *drawn):
            check_genotype(genotype, space)
            assert genotype.space == space.name
            assert Genotype.from_json(genotype.to_json()) == genotype
            assert parse_genotype(genotype.to_text(), space.name) == genotype
            for _, cell in genotype.cells:
                assert "<svg" in draw_cell(cell, title="cell", num_inputs=space.cell.num_inputs)

    @for_each("name", lambda own: own.spaces)
    def test_photographs_go_through_the_stem_of_three_halvings(self, name: str) -> None:
        """Networks and supernets take such images, and the cost formula counts the parameters of the stem."""
        space, genotype = get_space(name), drawn_genotype(get_space(name))
        gates = {kind: torch.empty(space.alpha_shape, device="meta") for kind in space.cell_kinds}
        plan = _smallest_plan(space, in_channels=3, num_classes=5, stem="imagenet", image_size=(224, 224))
        images = torch.empty(2, 3, 224, 224, device="meta")
        with torch.device("meta"):
            network, supernet = Network(space, genotype, plan), ReferenceSupernet(SupernetSpec(space, plan))
        assert network(images).shape == supernet(images, gates).shape == (2, 5)
        built = sum(weight.numel() for weight in network.parameters())
        assert network_cost(space, genotype, plan, (224, 224)).parameters == built

    @for_each("name", lambda own: own.spaces)
    def test_both_engines_give_the_same_logits_and_gradients_for_the_same_noise(self, name: str) -> None:
        """The fast engine recognises operations by their modules, and runs unknown modules as they are."""
        space = get_space(name)
        images = torch.randn(3, 1, 9, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        generator = torch.Generator().manual_seed(2)
        gates = {
            kind: torch.rand(space.alpha_shape, dtype=torch.float64, generator=generator).requires_grad_()
            for kind in space.cell_kinds
        }
        found = []
        for engine in (ReferenceSupernet, FusedSupernet):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                supernet = engine(SupernetSpec(space, _smallest_plan(space))).double()
            logits = supernet(images, gates, noise_seed=5)
            wanted = [*gates.values(), *supernet.parameters()]
            found.append([logits, *torch.autograd.grad(logits.square().sum(), wanted)])
        torch.testing.assert_close(*found, rtol=1e-7, atol=1e-9)  # double precision through batch norms of few numbers

    @for_each("name", lambda own: own.spaces)
    def test_a_search_ends_with_an_architecture_of_the_space(self, name: str, tmp_path: Path) -> None:
        """The search is DARTS with one epoch of one step."""
        layers = {"space": name, "method.name": "darts", "search.epochs": 1, "search.steps_per_epoch": 1}
        with RunDirectory(tmp_path) as run:
            genotype = search_genotype(open_small(run, layers))
        assert genotype.space == name
        check_genotype(genotype, get_space(name))
