"""Every proxy against a hand calculation or a property that it must have."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from dartboard.errors import ExtensionError, SettingsError, UnknownNameError
from dartboard.estimate.proxies import (
    PROXIES,
    Conditions,
    Untrained,
    average_rank,
    proxy,
    rank_product,
    refuse_proxies,
    score_genotypes,
    summed_up,
)
from dartboard.estimate.proxies.az_nas import (
    block_features,
    block_trainability,
    entropy,
    progressivity,
    spread_of_gradients,
)
from dartboard.estimate.proxies.gradients import fisher, grad_norm, grasp, plain, snip, synflow
from dartboard.estimate.proxies.patterns import distinct_columns, kernel_log_det, naswot, regions, regularised, swap
from dartboard.estimate.proxies.sizes import l2_norm
from dartboard.estimate.proxies.spectra import jacob_cov, jacob_score, ntk_cond, zen
from dartboard.estimate.proxies.watching import watch_relus
from dartboard.space import PUBLISHED, Network, cells_cost, get_space, network_cost, parse_genotype

RESNET, BLIND = PUBLISHED["nas-bench-201-resnet"], parse_genotype("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
SKIPS = parse_genotype("|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|")


def linear(*matrices: list[list[float]]) -> nn.Sequential:
    """Linear layers without biases."""
    layers = nn.Sequential()
    for matrix in matrices:
        layer = nn.Linear(len(matrix[0]), len(matrix), bias=False)
        layer.weight.data = torch.tensor(matrix)
        layers.append(layer)
    return layers


def conditions(batch: int = 4, **size: int) -> Conditions:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, 8, 8, generator=generator)
    return Conditions(
        images, torch.randint(3, (batch,), generator=generator), 3, **({"init_channels": 4, "layers": 1} | size)
    )


def untrained(genotype: object = RESNET, seed: int = 0) -> Untrained:
    space = get_space(genotype.space)  # type: ignore[attr-defined]
    under = conditions(layers=3 if space.name == "darts" else 1)
    return Untrained(space, genotype, under.plan(space), under, seed)  # type: ignore[arg-type]


@pytest.fixture
def logistic() -> tuple[nn.Module, Tensor, Tensor]:
    """One image x = (1, 2), two classes, weights W; the gradient of the loss is (p - y) x'."""
    return linear([[0.5, 0.0], [0.0, -0.25]]), torch.tensor([[1.0, 2.0]]), torch.tensor([0])


def test_gradients_of_a_logistic_model_by_hand(logistic: tuple[nn.Module, Tensor, Tensor]) -> None:
    network, images, labels = logistic
    share = 1 / (1 + math.exp(0.5 - -0.5))  # of the wrong class
    assert grad_norm(network, images, labels) == pytest.approx(share * math.sqrt(2 * 5))
    assert snip(network, images, labels) == pytest.approx(share * (0.5 * 1 + 0.25 * 2))
    assert plain(network, images, labels) == pytest.approx(share * (-0.5 - 0.5))
    # a = (0.5, -0.5), da = (-share, share)
    assert fisher(network, images, labels) == pytest.approx((0.5 * share) ** 2)
    # H = s(1-s) v v', with v = (x, -x) for the two rows of W; g = share * (-x, x) = -share v
    norm, along = 2 * 5.0, 0.5 * 1 + 0.25 * 2
    assert grasp(network, images, labels) == pytest.approx(share * share * (1 - share) * norm * along, rel=1e-5)


def test_gradients_of_several_layers_are_summed_layer_by_layer() -> None:
    network, images, labels = (
        linear([[1.0, -2.0]], [[3.0], [1.0]]),
        torch.tensor([[1.0, 1.0], [2.0, 0.0]]),
        torch.tensor([0, 1]),
    )
    functional.cross_entropy(network(images), labels).backward()
    gradients = [layer.weight.grad for layer in network]  # type: ignore[union-attr]
    assert grad_norm(network, images, labels) == pytest.approx(sum(float(each.norm()) for each in gradients))  # type: ignore[union-attr, misc]


def test_the_flow_through_absolute_weights_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 1, 1, bias=False), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(1, 1, bias=False)
    )
    network[0].weight.data = torch.tensor([1.0, -2.0]).reshape(1, 2, 1, 1)  # type: ignore[union-attr]
    network[1].weight.data.fill_(-7.0)  # type: ignore[union-attr]
    network[3].weight.data = torch.tensor([[3.0]])  # type: ignore[union-attr]
    assert synflow(network, (2, 1, 1)) == 18.0  # R = 3 * (1 + 2) = 9, once for either layer


def test_what_a_proxy_is_given_stays_as_it_was() -> None:
    network = untrained().network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    images, labels = conditions().images, conditions().labels
    network.eval()
    for measure in (grad_norm, snip, plain, grasp, fisher):
        measure(network, images, labels)
    synflow(network, (3, 8, 8))
    jacob_cov(network, images)
    ntk_cond(network, images)
    assert not network.training
    assert not any(module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_kernel_of_two_sign_patterns_by_hand() -> None:
    images = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, 1.0]])  # codes 110 and 101: K = [[3, 1], [1, 3]]
    assert naswot(nn.ReLU(), images) == pytest.approx(math.log(8))
    assert naswot(nn.ReLU(), torch.cat([images, images[:1]])) == -math.inf


@pytest.mark.parametrize("images", [3, 50])
def test_two_equal_images_make_the_kernel_singular(images: int) -> None:
    codes = (torch.rand(images, 5000, generator=torch.Generator().manual_seed(1)) > 0.5).double()
    codes[-1] = codes[0]
    kernel = codes @ codes.t() + (1 - codes) @ (1 - codes).t()
    assert kernel_log_det(kernel, 5000) == -math.inf


def test_relus_are_seen_however_they_are_written() -> None:
    class Both(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu6(functional.relu(x) + nn.ReLU(inplace=True)(x.clone()))

    seen: list[Tensor] = []
    watch_relus(Both(), torch.tensor([[-1.0, 2.0]]), lambda x: seen.append(x.clone()))
    assert [each.tolist() for each in seen] == [[[-1.0, 2.0]], [[-1.0, 2.0]], [[0.0, 4.0]]]


def test_patterns_of_units_by_hand() -> None:
    units = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]]).reshape(2, 3, 1, 1)
    assert swap(nn.ReLU(), units) == 2
    assert swap(nn.ReLU(), torch.cat([units, units], dim=1)) == 2
    assert swap(nn.ReLU(), units.reshape(2, 3)) == 0  # no map
    assert swap(nn.Identity(), units) == 0
    assert swap(nn.ReLU(), torch.tensor([[-1.0, 0.0, 1.0]]).reshape(1, 3, 1, 1)) == 3  # zero is a sign of its own
    assert regularised(10.0, 5.0, 5.0, 4.0) == 10.0
    assert regularised(10.0, 7.0, 5.0, 4.0) == pytest.approx(10 / math.e)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 45), columns=st.integers(1, 60), seed=st.integers(0, 1000))
def test_distinct_columns_are_counted_as_a_set_counts_them(rows: int, columns: int, seed: int) -> None:
    signs = torch.randint(-1, 2, (rows, columns), generator=torch.Generator().manual_seed(seed), dtype=torch.int8)
    signs = signs[:, torch.arange(columns) // 2]
    found = distinct_columns(signs)
    assert found == len({tuple(column) for column in signs.t().tolist()})
    assert found <= min(3**rows, columns)


def test_regions_of_one_unit_on_a_line_are_two() -> None:
    network = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU())
    network[0].weight.data = torch.tensor([[1.0], [-1.0]])  # type: ignore[union-attr]
    assert regions(network, torch.tensor([[1.0], [2.0], [-1.0], [-3.0]])) == 2


def test_uncorrelated_gradients_have_the_best_score() -> None:
    assert jacob_score(torch.eye(7, dtype=torch.float64)) == pytest.approx(-7, rel=1e-9)
    assert jacob_score(torch.ones(7, 7, dtype=torch.float64)) < -1e5
    assert math.isnan(jacob_score(torch.full((2, 2), math.nan, dtype=torch.float64)))
    assert jacob_cov(linear([[1.0, 2.0]]), torch.randn(3, 2)) < -1e4  # the same gradient at every image


def test_the_tangent_kernel_of_a_linear_model_is_that_of_its_inputs() -> None:
    images = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert ntk_cond(linear([[0.3, -0.7]]), images) == pytest.approx(4.0)  # J J' = X X'
    assert ntk_cond(linear([[0.3, -0.7]]), torch.ones(2, 2)) > 1e6


def test_a_feature_map_moves_with_its_input_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False))
    network[0].weight.data.fill_(3.0)  # type: ignore[union-attr]
    images, noise = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    assert zen(network, network, images, noise) == pytest.approx(math.log(0.01 * 3 * 4), rel=1e-5)
    normed = nn.Sequential(nn.BatchNorm2d(1))
    normed[0].running_var.fill_(4.0)  # type: ignore[union-attr, operator]
    normed.eval()
    assert zen(network, normed, images, noise) == pytest.approx(math.log(0.12) + math.log(2), rel=1e-5)
    assert zen(torch.zeros_like, network, images, noise) == -math.inf


def test_norms_of_weights_are_summed_by_layer() -> None:
    assert l2_norm(linear([[3.0, 4.0]], [[2.0]])) == pytest.approx(7.0)


def test_the_entropy_of_principal_components_by_hand() -> None:
    corners = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]).reshape(6, 3, 1, 1)
    assert entropy(corners) == pytest.approx(math.log(3), abs=1e-6)
    assert entropy(3 * corners) == pytest.approx(entropy(corners), abs=1e-6)
    assert entropy(torch.tensor([[1.0, 2.0], [3.0, 6.0]]).reshape(2, 2, 1, 1)) == pytest.approx(0, abs=1e-6)
    assert math.isnan(entropy(torch.ones(2, 2, 1, 1)))
    assert progressivity([1.0, 3.0, 3.5]) == 0.5
    assert math.isnan(progressivity([1.0, math.nan, 3.5]))


def test_the_best_block_neither_lets_gradients_grow_nor_vanish() -> None:
    signs = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
    assert block_trainability(-signs, signs) == pytest.approx(1e-6, abs=1e-6)
    assert block_trainability(-2 * signs, signs) == pytest.approx(-0.5, abs=1e-5)
    assert block_trainability(-0.5 * signs, signs) == pytest.approx(-0.5, abs=1e-5)
    assert block_trainability(signs, signs) == -math.inf
    assert block_trainability(0 * signs, signs) == pytest.approx(2 - 1e6)
    halved = block_trainability(torch.ones(2, 1, 5, 5), torch.ones(2, 1, 3, 3))  # 5 is padded to 6, then 3 x 3 of 4
    rows = torch.zeros(4)
    for height in range(5):
        for width in range(5):
            rows[2 * (height % 2) + width % 2] += 1 / 9
    largest = float(rows.norm())
    assert halved == pytest.approx(-largest - 1 / largest + 2, abs=1e-5)


def test_features_are_those_after_the_stem_and_every_block() -> None:
    asked = untrained(PUBLISHED["darts-v2"])
    features = block_features(asked.network("kaiming-in"), asked.conditions.images)
    assert len(features) == 1 + len(asked.plan.places)
    assert [each.shape[2] for each in features] == [8, 8, 4, 4 if len(features) > 5 else 2][: len(features)]
    assert math.isfinite(spread_of_gradients(features, torch.Generator().manual_seed(0)))


def test_ranks_are_combined_by_hand() -> None:
    assert rank_product([[1.0, 3.0, 2.0]] * 4) == pytest.approx([4 * math.log(1 / 3), 0, 4 * math.log(2 / 3)])
    assert average_rank([[1.0, 3.0, 2.0], [5.0, 5.0, math.nan]]) == [2.25, 1.25, 2.5]
    assert rank_product([[math.nan, -math.inf, 0.0]])[2] == 0.0


def test_sizes_are_those_of_the_network_that_is_built() -> None:
    asked = untrained(PUBLISHED["nas-bench-201-9930"])
    (found,) = score_genotypes([asked.genotype], ["params", "macs", "convs", "op-weights"], asked.conditions)
    network = asked.network()
    cost = network_cost(asked.space, asked.genotype, asked.plan, (8, 8))
    assert found["params"].values[""] == sum(each.numel() for each in network.parameters())
    assert found["macs"].values[""] == cost.multiply_adds
    assert found["convs"].values[""] == 5
    inside = sum(each.numel() for name, each in network.named_parameters() if ".ops." in name)
    assert found["op-weights"].values[""] == inside
    assert cells_cost(asked.space, asked.genotype, asked.plan, (8, 8)).parameters == inside


@pytest.mark.parametrize("name", [entry.name for entry in PROXIES])
def test_every_proxy_repeats_itself_and_leaves_random_streams_alone(name: str) -> None:
    state = torch.random.get_rng_state()
    first, second = (list(score_genotypes([BLIND, RESNET], [name], conditions(), initialisations=1)) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert str([each[name].values for each in first]) == str([each[name].values for each in second])
    assert all(math.isfinite(value) for value in first[1][name].values.values())
    (alone,) = score_genotypes([RESNET], [name], conditions(), initialisations=1)
    assert str(alone[name].values) == str(first[1][name].values)


def test_what_nothing_passes_ranks_last() -> None:
    names = ["naswot", "az-nas", "jacob-cov", "zen"]
    scored = list(score_genotypes([BLIND, RESNET], names, conditions(), initialisations=1))
    assert {name: average_rank([values]) for name, values in summed_up(names, scored).items()} == {
        name: [2.0, 1.0] for name in names
    }


def test_weights_depend_on_the_seed_and_on_the_distribution() -> None:
    first, other = untrained().network("normal"), untrained(seed=1).network("normal")
    weight, another = (each.backbone.stem.convolution.weight for each in (first, other))  # type: ignore[union-attr]
    assert not torch.equal(weight, another)  # type: ignore[arg-type]
    assert isinstance(first, Network)
    assert first.training
    classifier = untrained().network("kaiming-in").backbone.classifier
    assert not classifier.bias.any()
    assert float(classifier.weight.detach().std()) == pytest.approx(math.sqrt(2 / classifier.in_features), rel=0.5)


@pytest.mark.parametrize("name", ["naswot", "regions", "swap"])
def test_a_network_without_relus_cannot_have_a_proxy_that_counts_them(name: str) -> None:
    by_hand = PUBLISHED["conv-stages-by-hand"]
    small = Conditions(torch.randn(2, 3, 32, 32), torch.zeros(2, dtype=torch.int64), 2, init_channels=4)
    with pytest.raises(SettingsError, match=f"cannot have the proxy '{name}'"):
        refuse_proxies([by_hand], ["params", name], small)
    refuse_proxies([by_hand], ["az-nas", "synflow"], small)
    refuse_proxies([SKIPS], [name], conditions())  # its residual blocks have ReLUs
    if name == "swap":
        (found,) = score_genotypes([SKIPS], [name], conditions(), initialisations=1)
        assert found[name].values[""] == 0


def test_other_spaces_have_networks_too() -> None:
    names = [entry.name for entry in PROXIES]
    under = conditions(layers=3)
    refuse_proxies([PUBLISHED["darts-v2"]], names, under)
    (found,) = score_genotypes([PUBLISHED["darts-v2"]], names, under, initialisations=1)
    assert all(math.isfinite(value) for each in found.values() for value in each.values.values())


def test_names_may_have_underscores_and_unknown_ones_are_told() -> None:
    (found,) = score_genotypes([RESNET], ["op_weights"], conditions())
    assert list(found) == ["op-weights"]
    with pytest.raises(UnknownNameError, match="there is no proxy"):
        list(score_genotypes([RESNET], ["synflo"], conditions()))


def test_a_proxy_of_another_package_that_gives_no_number_is_named() -> None:
    @proxy("wordy")
    def wordy(untrained: Untrained) -> float:
        """Says something."""
        return "much"  # type: ignore[return-value]

    try:
        with pytest.raises(ExtensionError, match=r"the proxy 'wordy' .* returns str"):
            list(score_genotypes([RESNET], ["wordy"], conditions()))
    finally:
        PROXIES.remove("wordy")
