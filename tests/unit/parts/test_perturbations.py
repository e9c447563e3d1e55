from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError
from dartboard.parts import AdversarialPerturbation, EdgeSoftmax, RandomPerturbation, Recipe
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.perturbations import BoxPerturbation, Perturbation, Surroundings, to_shares
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.space import get_space
from dartboard.testing import PLANTED, PlantedBatches, PlantedSupernet, open_small, outcome

WAYS: list[type[BoxPerturbation]] = [RandomPerturbation, AdversarialPerturbation]
CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cell_of(live: Tensor) -> RelaxedCell:
    return RelaxedCell("cell", PLANTED.space.cell, PLANTED.space.ops[: live.shape[1]], live)


def planted(recipe: Recipe | None = None) -> tuple[Architecture, dict[str, Tensor]]:
    """The relaxed planted cell at an alpha that is not uniform."""
    architecture = Architecture.of(recipe or Recipe(), PLANTED.space, all_live(PLANTED.space), CPU)
    alphas = architecture.initial_alphas(generator())
    return architecture, {name: (500 * alpha).requires_grad_() for name, alpha in alphas.items()}


def test_epsilon_grows_by_equal_steps_and_never_reaches_its_end() -> None:
    way = RandomPerturbation()
    assert way.epsilon(0 / 50) == 0.03
    assert way.epsilon(25 / 50) == pytest.approx(0.165, abs=1e-12)
    assert way.epsilon(49 / 50) == pytest.approx(0.2946, abs=1e-12)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([0.8, 0.0, -0.1], [1.0, 0.0, 0.0]),
        ([0.5, 0.3, 0.2], [0.5, 0.3, 0.2]),
        ([0.6, 0.6, -0.2], [0.5, 0.5, 0.0]),
        ([1.2, 1.0, 0.0], [0.5, 0.5, 0.0]),
        ([-0.2, -0.1, -0.3], [0.0, 1.0, 0.0]),
        ([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    ],
)
def test_rows_are_clamped_and_divided_by_their_sum_and_an_empty_one_goes_to_its_maximum(row, wanted) -> None:
    found = to_shares(torch.tensor([row]), cell_of(torch.ones(1, 3, dtype=torch.bool)))
    torch.testing.assert_close(found, torch.tensor([wanted]))


def test_a_row_that_leaves_the_box_is_clamped_and_divided_by_its_sum() -> None:
    row = torch.tensor([[0.5, 0.3, 0.2]]) + torch.tensor([[0.3, -0.3, -0.3]])
    found = to_shares(row, cell_of(torch.ones(1, 3, dtype=torch.bool)))
    assert found.tolist() == [[1.0, 0.0, 0.0]]


@given(st.integers(0, 2**32), st.floats(0.01, 3.0))
def test_shares_are_shares_of_live_operations_whatever_the_rows(seed: int, width: float) -> None:
    draws = generator(seed)
    live = torch.rand(6, 4, generator=draws) < 0.6
    rows = width * (2 * torch.rand(6, 4, generator=draws) - 1)
    found = to_shares(rows, cell_of(live))
    assert (found >= 0).all()
    assert (found[~live] == 0).all()
    torch.testing.assert_close(found.sum(dim=1), live.any(dim=1).float())


def on_planted_images(scale: float = 3.0) -> Callable[[dict[str, Tensor]], Tensor]:
    """The loss of the planted supernet on a batch."""
    batch, supernet = next(PlantedBatches(PLANTED, 1).forever(generator())), PlantedSupernet(PLANTED)
    return lambda gates: torch.nn.functional.cross_entropy(scale * supernet(batch.images, gates), batch.labels)


@pytest.mark.parametrize("space", ["probs", "logits"])
@pytest.mark.parametrize("way", WAYS)
def test_shaken_gates_are_shares_and_alpha_stays_as_it_is_bit_for_bit(way, space: str) -> None:
    recipe = Recipe(edges=EdgeSoftmax())
    architecture, alphas = planted(recipe)
    before = {name: alpha.detach().clone() for name, alpha in alphas.items()}
    clean = architecture.draw(alphas, generator(), of_alpha=True).gates
    gates = way(space=space)(architecture, alphas, on_planted_images(), 0.5, generator())
    assert set(gates) == {"cell", "cell.edges"}
    assert not any(gate.requires_grad for gate in gates.values())
    assert torch.equal(gates["cell.edges"], clean["cell.edges"]), "weights of edges stay clean"
    assert (gates["cell"] >= 0).all()
    torch.testing.assert_close(gates["cell"].sum(dim=1), torch.ones(3))
    assert not torch.allclose(gates["cell"], clean["cell"], atol=1e-3)
    for name, alpha in alphas.items():
        assert torch.equal(alpha, before[name])
        assert alpha.grad is None


@pytest.mark.parametrize("space", ["probs", "logits"])
@pytest.mark.parametrize("way", WAYS)
def test_operations_that_an_edge_does_not_have_stay_without_a_share(way, space: str) -> None:
    live = {"cell": [["skip_connect", "roll"], ["none", "reverse", "negate"], ["negate"]]}
    architecture = Architecture.of(Recipe(), PLANTED.space, live, CPU)
    gates = way(0.3, 0.3, space)(
        architecture, architecture.initial_alphas(generator()), on_planted_images(), 0.0, generator()
    )
    assert (gates["cell"][~architecture.cells["cell"].live] == 0).all()
    torch.testing.assert_close(gates["cell"].sum(dim=1), torch.ones(3))


@pytest.mark.parametrize("seed", range(3))
def test_random_noise_fills_the_box_and_is_what_the_generator_says(seed: int) -> None:
    around = Surroundings({"cell": torch.zeros(50, 20)}, lambda point: point, lambda point: point)
    first, again, other = (
        RandomPerturbation().shake(around, lambda _: torch.zeros(()), 0.2, generator(number))["cell"]
        for number in (seed, seed, seed + 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.abs().max() <= 0.2
    # The largest of 1000 uniform numbers is below 0.98 of the bound once in 10^8 times.
    assert first.max() > 0.196
    assert first.min() < -0.196
    assert first.mean().abs() < 0.02  # five standard deviations


def test_normal_noise_has_the_variance_of_the_uniform_one_and_leaves_its_box() -> None:
    """s = 0.1732 at epsilon 0.3; one of twelve normal numbers lies outside of the box, and no uniform one does."""
    middle = torch.zeros(100_000, 1, dtype=torch.float64)
    around = Surroundings({"cell": middle}, settle=lambda point: point, gates=lambda point: point)
    drawn = {}
    for noise in ("uniform", "gaussian"):
        shaking = RandomPerturbation(noise=noise)  # type: ignore[arg-type]
        drawn[noise] = shaking.shake(around, lambda _: torch.tensor(0.0), 0.3, torch.Generator().manual_seed(0))["cell"]
        assert drawn[noise].var().item() == pytest.approx(0.3**2 / 3, rel=0.02)
    outside = {noise: (numbers.abs() > 0.3).double().mean().item() for noise, numbers in drawn.items()}
    assert outside["uniform"] == 0
    assert outside["gaussian"] == pytest.approx(0.083, abs=0.004)


def test_the_ascent_on_a_linear_loss_ends_in_the_corner_of_the_gradients_signs() -> None:
    slope = torch.tensor([[2.0, -0.1, 5.0], [-3.0, 1e-3, 0.0]])
    around = Surroundings({"cell": torch.full((2, 3), 0.4)}, lambda point: point, lambda point: point)
    found = AdversarialPerturbation(random_start=False).shake(
        around, lambda gates: (slope * gates["cell"]).sum(), 0.21, generator()
    )
    torch.testing.assert_close(found["cell"], 0.4 + 0.21 * slope.sign())


@pytest.mark.parametrize("space", ["probs", "logits"])
@given(st.integers(0, 2**32), st.floats(0.001, 0.5), st.integers(1, 9))
def test_every_point_of_the_ascent_is_in_the_box_before_it_settles(
    space: str, seed: int, epsilon: float, steps: int
) -> None:
    architecture, alphas = planted()
    centre = {"cell": (alphas["cell"].softmax(-1) if space == "probs" else alphas["cell"]).detach()}
    tried: list[Tensor] = []

    def settle(point: dict[str, Tensor]) -> dict[str, Tensor]:
        tried.append(point["cell"])
        return {"cell": to_shares(point["cell"], architecture.cells["cell"])} if space == "probs" else point

    def gates(point: dict[str, Tensor]) -> dict[str, Tensor]:
        return point if space == "probs" else {"cell": point["cell"].softmax(-1)}

    around = Surroundings(centre, settle, gates)
    AdversarialPerturbation(steps=steps).shake(around, on_planted_images(), epsilon, generator(seed))
    assert len(tried) == 1 + steps
    for point in tried:
        assert (point - centre["cell"]).abs().max() <= epsilon + 1e-6


@pytest.mark.parametrize("space", ["probs", "logits"])
@pytest.mark.parametrize("seed", range(5))
def test_the_adversary_raises_the_loss_above_clean_and_random_gates(seed: int, space: str) -> None:
    architecture, alphas = planted()
    loss = on_planted_images()
    losses = [
        loss(way(space=space)(architecture, alphas, loss, 0.5, generator(seed))).item()
        for way in (AdversarialPerturbation, RandomPerturbation)
    ]
    clean = loss(architecture.draw(alphas, generator(), of_alpha=True).gates).item()
    assert losses[0] > max(clean, losses[1]) + 0.05


def test_gates_stay_clean_where_the_loss_would_not_rise() -> None:
    architecture, alphas = planted()
    clean = architecture.draw(alphas, generator(), of_alpha=True).gates["cell"].detach()
    at_its_peak = AdversarialPerturbation()(
        architecture, alphas, lambda gates: -(gates["cell"] - clean).square().sum(), 0.5, generator()
    )
    assert torch.equal(at_its_peak["cell"], clean)


@pytest.mark.parametrize("space", ["probs", "logits"])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_waits_for_the_device(way, space: str) -> None:
    """Tensors of the meta device have no values: whoever asks for one raises an error."""
    architecture, alphas = planted()
    assert architecture.cells["cell"].is_whole
    on_meta = {name: alpha.to("meta") for name, alpha in alphas.items()}
    weight = torch.ones(5, device="meta")
    gates = way(space=space)(architecture, on_meta, lambda gates: (gates["cell"] @ weight).sum(), 0.5, generator())
    assert gates["cell"].is_meta


@pytest.mark.usefixtures("small_space")
@pytest.mark.parametrize("space", ["probs", "logits"])
@pytest.mark.parametrize("name", ["sdarts-rs", "sdarts-adv"])
def test_an_epsilon_of_zero_is_darts_bit_for_bit(name: str, space: str, tmp_path: Path) -> None:
    still = {"epsilon_start": 0.0, "epsilon_end": 0.0, "space": space}
    found = {}
    for method, options in (("darts", {}), (name, still), (name, {"space": space})):
        layer = {"method.name": method, "method.options": options, "search.epochs": 2, "search.steps_per_epoch": 2}
        folder = tmp_path / f"{method}-{len(found)}"
        with RunDirectory(folder) as run:
            search_genotype(open_small(run, layer))
        found[folder.name] = outcome(folder)
    darts, zero, shaken = found.values()
    assert zero == darts
    assert shaken != darts


def test_alphas_on_the_simplex_are_not_shaken_as_logits() -> None:
    class Distribution:
        sums_to_one, draws = True, False
        on_simplex = True

    Recipe(relaxation=Distribution(), perturbation=RandomPerturbation(space="probs"))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"RandomPerturbation with the space 'logits' .* take the space 'probs'\."):
        Recipe(relaxation=Distribution(), perturbation=RandomPerturbation(space="logits"))  # type: ignore[arg-type]


def test_gates_that_are_no_shares_are_not_shaken() -> None:
    class Independent:
        sums_to_one, draws = False, False
        on_simplex = False

    perturbation: Perturbation = AdversarialPerturbation()
    with pytest.raises(RecipeError, match="AdversarialPerturbation needs gates that sum to one"):
        Recipe(relaxation=Independent(), perturbation=perturbation)  # type: ignore[arg-type]


def test_gates_of_drawn_operations_are_not_shaken() -> None:
    class Drawing:
        sums_to_one, draws, on_simplex = True, True, False

    with pytest.raises(RecipeError, match="Drawing runs only those that it draws"):
        Recipe(relaxation=Drawing(), perturbation=RandomPerturbation())  # type: ignore[arg-type]


def test_every_cell_kind_is_shaken_at_once() -> None:
    space = get_space("darts")
    architecture = Architecture.of(Recipe(), space, all_live(space), CPU)
    alphas = architecture.initial_alphas(generator())
    clean = architecture.draw(alphas, generator(), of_alpha=True).gates
    gates = RandomPerturbation()(architecture, alphas, lambda _: torch.zeros(()), 0.0, generator())
    changes = [(gates[kind] - clean[kind]).abs().max(dim=1).values for kind in ("normal", "reduce")]
    assert (torch.cat(changes) > 0).all()
    assert not torch.equal(*changes)
