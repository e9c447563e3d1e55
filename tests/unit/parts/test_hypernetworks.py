import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings, SupernetRequest, run_search
from dartboard.errors import RecipeError
from dartboard.parts import (
    AdamUpdate,
    DenseHypernetwork,
    EmbeddingHypernetwork,
    FirstOrder,
    KeepStrongest,
    Recipe,
    Stage,
    Unrolled,
)
from dartboard.parts.architecture import Architecture, Live, all_live
from dartboard.parts.hypernetworks import WeightGenerator, attach_hypernetwork, candidate_weights, learned_weights
from dartboard.parts.hypernetworks.protocol import Hypernetwork
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Length, Observer, RunDirectory, make_generator, seeded_initialization
from dartboard.space import SearchSpace, get_space
from dartboard.supernet import FusedSupernet, Mixing, SupernetSpec
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet

DARTS = Recipe(gradient=FirstOrder(), update=AdamUpdate())
SPACES = [get_space("darts"), get_space("nas-bench-201")]
NETWORKS: list[Hypernetwork] = [DenseHypernetwork(), DenseHypernetwork("sigmoid"), EmbeddingHypernetwork()]
each_network = pytest.mark.parametrize("network", NETWORKS, ids=["linear", "two-layer", "embedding"])


def small_supernet(space: SearchSpace, live: Live | None = None, mixing: Mixing | None = None) -> FusedSupernet:
    layers = 3 if space.name == "darts" else 1
    plan = space.plan(in_channels=3, num_classes=3, init_channels=4, layers=layers)
    with seeded_initialization(0, "supernet"):
        return FusedSupernet(SupernetSpec(space, plan, mixing or Mixing()).with_live(live or all_live(space)))


def architecture_of(space: SearchSpace, live: Live | None = None) -> Architecture:
    return Architecture.of(Recipe(), space, live or all_live(space), torch.device("cpu"))


def zeros(architecture: Architecture) -> dict[str, Tensor]:
    return {kind: torch.zeros(cell.live.shape) for kind, cell in architecture.cells.items()}


def at_full_size(network: Hypernetwork) -> tuple[nn.Module, WeightGenerator]:
    """Supernet of DARTS with 8 layers and 16 channels and its hypernetwork, both without memory."""
    space = SPACES[0]
    plan = space.plan(in_channels=3, num_classes=10, init_channels=16, layers=8)
    with torch.device("meta"):
        supernet = FusedSupernet(SupernetSpec(space, plan))
        return supernet, attach_hypernetwork(network, supernet, architecture_of(space), make_generator(0))


def num_weights(weights: dict[str, nn.Parameter]) -> int:
    return sum(weight.numel() for weight in weights.values())


@pytest.mark.parametrize(("name", "count"), [("hyperdarts-1", 207_021_434), ("hyperdarts-2", 104_488_682)])
def test_a_search_of_darts_has_as_many_weights_as_the_thesis_describes(name: str, count: int) -> None:
    network = make_recipe(name, {}).hypernetwork
    assert network is not None
    supernet, generator = at_full_size(network)
    weights = learned_weights(supernet, generator)
    assert num_weights(weights) == count
    assert sum(weight.numel() for name, weight in weights.items() if not name.startswith("hypernetwork.")) == 99_450


@pytest.mark.parametrize(("name", "count"), [("hyperdarts-1", 218_582_074), ("hyperdarts-2", 110_294_202)])
def test_weights_outside_of_cells_can_be_made_too(name: str, count: int) -> None:
    """Those in front of cells by the network of their kind, stem and classifier by one that reads all 224 alphas."""
    network = make_recipe(name, {"outside": "generated"}).hypernetwork
    assert network is not None
    supernet, generator = at_full_size(network)
    weights = learned_weights(supernet, generator)
    assert num_weights(weights) == count
    assert sum(weight.numel() for name, weight in weights.items() if not name.startswith("hypernetwork.")) == 96
    made = generator({kind: torch.zeros(14, 8, device="meta") for kind in ("normal", "reduce")})
    assert all(weight.shape == supernet.get_parameter(name).shape for name, weight in made.items())
    sizes = {kind: sum(made[name].numel() for name in part.names) for kind, part in generator.parts.items()}
    assert sizes == {"normal": 1_223_040 + 75_008, "reduce": 608_128 + 20_480}
    assert generator.outside is not None
    assert sum(made[name].numel() for name in generator.outside.names) == 3_866


def test_alphas_of_zero_make_the_supernets_own_weights_outside_of_cells_too() -> None:
    for space in SPACES:
        supernet, architecture = small_supernet(space), architecture_of(space)
        made = DenseHypernetwork("sigmoid", makes_outside=True).build(supernet, architecture, make_generator(0))
        for name, weight in made(zeros(architecture)).items():
            torch.testing.assert_close(weight, supernet.get_parameter(name), msg=name)
        norms = [name for name, _ in supernet.named_parameters() if name not in made.names]
        assert all(supernet.get_parameter(name).dim() == 1 for name in norms)


@each_network
def test_all_weights_of_operations_are_made_and_no_others(network: Hypernetwork) -> None:
    supernet, generator = at_full_size(network)
    made = generator({kind: torch.zeros(14, 8, device="meta") for kind in ("normal", "reduce")})
    sizes = {kind: sum(made[name].numel() for name in part.names) for kind, part in generator.parts.items()}
    assert sizes == {"normal": 1_223_040, "reduce": 608_128}
    assert set(made) == {name for name, _ in supernet.named_parameters() if ".edges." in name}
    assert all(weight.shape == supernet.get_parameter(name).shape for name, weight in made.items())


def test_an_alpha_feeds_the_network_of_its_kind_alone_with_112_numbers() -> None:
    _, generator = at_full_size(DenseHypernetwork())
    assert [part.weight.shape for part in generator.parts.values()] == [(1_223_040, 112), (608_128, 112)]
    _, generator = at_full_size(DenseHypernetwork("sigmoid"))
    assert [part.hidden_weight.shape for part in generator.parts.values()] == [(56, 112), (56, 112)]
    assert [part.weight.shape for part in generator.parts.values()] == [(1_223_040, 56), (608_128, 56)]


@pytest.mark.parametrize("activation", [None, "sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_pieces_of_a_dense_network_tile_what_it_puts_out(space: SearchSpace, activation) -> None:
    supernet, architecture = small_supernet(space), architecture_of(space)
    generator = DenseHypernetwork(activation).build(supernet, architecture, make_generator(0))
    for part in generator.parts.values():
        with torch.no_grad():
            part.weight.zero_()
            part.bias.copy_(torch.arange(len(part.bias)))
    made = generator(zeros(architecture))
    for part in generator.parts.values():
        joined = torch.cat([made[name].flatten() for name in part.names])
        assert torch.equal(joined, torch.arange(len(part.bias)).float())


@pytest.mark.parametrize("activation", [None, "sigmoid", "tanh", "relu", "identity"])
def test_alphas_of_zero_make_the_weights_that_the_supernet_starts_with(activation) -> None:
    supernet, architecture = small_supernet(SPACES[0]), architecture_of(SPACES[0])
    generator = DenseHypernetwork(activation).build(supernet, architecture, make_generator(0))
    for name, weight in generator(zeros(architecture)).items():
        # Rounding of a sum of up to 56 numbers below 1.
        torch.testing.assert_close(weight, supernet.get_parameter(name), rtol=0, atol=1e-6)


def test_layers_start_within_one_over_the_root_of_their_inputs() -> None:
    supernet, architecture = small_supernet(SPACES[0]), architecture_of(SPACES[0])
    generator = DenseHypernetwork("tanh").build(supernet, architecture, make_generator(0))
    for part in generator.parts.values():
        for weight, inputs in ((part.hidden_weight, 112), (part.weight, 56), (part.hidden_bias, 112)):
            bound = 1 / math.sqrt(inputs)
            assert 0.9 * bound < weight.abs().max() <= bound


@each_network
def test_a_network_is_what_its_generator_says(network: Hypernetwork) -> None:
    supernet, architecture = small_supernet(SPACES[1]), architecture_of(SPACES[1])
    before = torch.get_rng_state()
    one, same, other = (network.build(supernet, architecture, make_generator(seed)).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_the_example_of_the_thesis_for_embeddings() -> None:
    """The first depthwise kernel of a sep_conv_3x3: 1, 1, 2, 2, 4 and 4 pieces of 144 numbers."""
    _, generator = at_full_size(EmbeddingHypernetwork(size=32))
    supernet_names = "backbone.blocks.{}.edges.0.sep_conv_3x3.1.weight"
    [place] = [place for place in generator.parts["normal"].places if supernet_names.format(0) in place.names]
    assert place.names == tuple(supernet_names.format(cell) for cell in (0, 1, 3, 4, 6, 7))
    assert place.weight.shape == (144, 112 + 32)
    assert place.embeddings.shape == (14, 32)
    [pointwise] = [
        place for place in generator.parts["normal"].places if place.names[0].endswith(".0.sep_conv_3x3.2.weight")
    ]
    assert pointwise.embeddings.shape == (1 + 1 + 4 + 4 + 16 + 16, 32)


def test_wide_kernels_are_joined_from_pieces_side_by_side() -> None:
    supernet, architecture = small_supernet(SPACES[1]), architecture_of(SPACES[1])
    generator = EmbeddingHypernetwork(size=3).build(supernet, architecture, make_generator(0))
    [place] = [place for place in generator.parts["cell"].places if place.names[0].endswith("0.nor_conv_3x3.1.weight")]
    alpha = torch.randn(6, 5, generator=make_generator(1))
    narrow, wide, widest = place(alpha.flatten()).values()
    assert [kernel.shape[:2] for kernel in (narrow, wide, widest)] == [(4, 4), (8, 8), (16, 16)]
    pieces = [
        (place.weight @ torch.cat([alpha.flatten(), embedding]) + place.bias).view(4, 4, 3, 3)
        for embedding in place.embeddings
    ]
    expected = [
        torch.cat([torch.cat(pieces[start + row * side : start + (row + 1) * side], dim=1) for row in range(side)])
        for start, side in ((0, 1), (1, 2), (5, 4))
    ]
    for kernel, wanted in zip((narrow, wide, widest), expected, strict=True):
        torch.testing.assert_close(kernel, wanted)


@each_network
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_operations_that_an_edge_does_not_have_are_neither_made_nor_read(space: SearchSpace, network) -> None:
    live = {
        kind: [[name for column, name in enumerate(space.ops) if (column + row) % 3] for row in range(len(edges))]
        for kind, edges in all_live(space).items()
    }
    supernet, architecture = small_supernet(space, live), architecture_of(space, live)
    generator = network.build(supernet, architecture, make_generator(0))
    alphas = {kind: torch.randn(cell.live.shape, requires_grad=True) for kind, cell in architecture.cells.items()}
    made = generator(alphas)
    assert set(made) == {name for name, _ in supernet.named_parameters() if ".edges." in name}
    torch.stack([weight.square().sum() for weight in made.values()]).sum().backward()
    for kind, cell in architecture.cells.items():
        gradient = alphas[kind].grad
        assert gradient is not None
        assert torch.equal(gradient != 0, cell.live)


def test_projections_auxiliary_skips_and_everything_outside_of_cells_learn_on_their_own() -> None:
    supernet = small_supernet(SPACES[0], mixing=Mixing(auxiliary_skip=True))
    made = {name for cells in candidate_weights(supernet).values() for cell in cells for name, _ in cell.values()}
    own = {name for name, _ in supernet.named_parameters()} - made
    parts = {name.split(".")[3] if ".blocks." in name else name.split(".")[1] for name in own}
    assert parts == {"projections", "auxiliary", "stem", "classifier"}
    assert all(name.split(".")[3] == "edges" for name in made)


@pytest.mark.parametrize("gradient", [Unrolled(), None])
def test_a_network_wants_a_first_order_gradient(gradient) -> None:
    update = AdamUpdate() if gradient else None
    with pytest.raises(RecipeError, match="EmbeddingHypernetwork makes the weights depend on alpha, and works only"):
        Recipe(gradient=gradient, update=update, hypernetwork=EmbeddingHypernetwork())


class ColourImages(PlantedBatches):
    """Images of three channels and 8x8 pixels in three classes."""

    def forever(self, generator: torch.Generator) -> Iterator[Batch]:
        for images, labels in super().forever(generator):
            yield Batch(images.expand(-1, 3, 8, 8), labels % 3)


def search(folder: Path, recipe: Recipe, space: SearchSpace, make, epochs: int = 2, steps: int = 3) -> dict:
    batches = PlantedBatches(PLANTED, 3) if space is PLANTED.space else ColourImages(PLANTED, 3)
    given = SearchBatches(batches, batches, batches)
    problem = SearchProblem(space, make, lambda _: given, torch.device("cpu"))
    with RunDirectory(folder) as run:
        run_search(problem, recipe, SearchSettings(), run, length=Length(epochs, steps), seed=0, observer=Observer())
        return run.load_checkpoint("search", "search") or {}


def test_noise_on_alpha_reaches_the_weights(tmp_path: Path) -> None:
    """Without noise the search is the same bit for bit; with it, other weights are learned."""
    space = SPACES[1]

    def found(folder: str, noise: float) -> dict[str, Any]:
        recipe = replace(DARTS, hypernetwork=DenseHypernetwork(alpha_noise=noise))
        return search(tmp_path / folder, recipe, space, lambda _: small_supernet(space))

    plain, noisy = found("plain", 0.0), found("noisy", 0.5)
    assert torch.equal(plain["alphas"]["cell"], found("again", 0.0)["alphas"]["cell"])
    for name, weight in plain["hypernetwork"].items():
        assert not torch.equal(weight, noisy["hypernetwork"][name])


def test_the_step_of_alpha_is_that_without_noise(tmp_path: Path) -> None:
    """The first one, whose weights no noise has moved yet."""
    space = SPACES[1]
    plain, noisy = (
        search(
            tmp_path / str(noise),
            replace(DARTS, hypernetwork=DenseHypernetwork(alpha_noise=noise)),
            space,
            lambda _: small_supernet(space),
            epochs=1,
            steps=1,
        )["alphas"]["cell"]
        for noise in (0.0, 0.5)
    )
    assert torch.equal(plain, noisy)


class WithoutWeights(PlantedSupernet):
    """Operations without weights, which leave a hypernetwork nothing to make."""

    @property
    def candidate_weights(self) -> dict[str, list[dict[str, str]]]:
        return {"cell": [{}]}


@each_network
def test_where_operations_have_no_weights_the_search_is_that_of_darts_bit_for_bit(network, tmp_path: Path) -> None:
    plain, same = (
        search(tmp_path / str(number), recipe, PLANTED.space, lambda _: WithoutWeights(PLANTED))
        for number, recipe in enumerate((DARTS, replace(DARTS, hypernetwork=network)))
    )
    assert same["hypernetwork"] == {}
    assert torch.equal(same["alphas"]["cell"], plain["alphas"]["cell"])
    assert all(torch.equal(same["supernet"][name], weight) for name, weight in plain["supernet"].items())


@each_network
def test_every_stage_has_a_network_of_its_own_for_what_the_stage_before_left(network, tmp_path: Path) -> None:
    space, first = SPACES[1], replace(DARTS, hypernetwork=network)
    requests: list[SupernetRequest] = []

    def make(request: SupernetRequest) -> nn.Module:
        requests.append(request)
        return small_supernet(space, request.live)

    staged = replace(first, earlier=(Stage(first, 0.5, KeepStrongest(2)),))
    saved = search(tmp_path, staged, space, make)
    live = requests[-1].live["cell"]
    assert {len(names) for names in live} == {2}
    names = [name for edge in live for name in edge if name.startswith("nor_conv")]
    made = network.build(
        small_supernet(space, {"cell": live}), architecture_of(space, {"cell": live}), make_generator(0)
    )
    assert {name: weight.shape for name, weight in saved["hypernetwork"].items()} == {
        name: weight.shape for name, weight in made.state_dict().items()
    }
    assert len(made.names) == 3 * len(names)
