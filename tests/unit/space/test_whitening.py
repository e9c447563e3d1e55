"""Whitening against its covariance, and around every space: sizes by formula, state, precision."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from dartboard.errors import SettingsError
from dartboard.space import Network, SearchSpace, Stem, get_space, network_cost, smallest_map
from dartboard.space.mobile_skeleton import MobileSkeleton
from dartboard.space.whitening import Whitening
from dartboard.supernet import FusedSupernet, ReferenceSupernet, SupernetSpec
from dartboard.supernet.cost import pieces_of_step
from dartboard.testing.spaces import drawn_genotype

EPS = 5e-4
SPACES = ("darts", "nas-bench-201", "proxyless", "conv-stages")
SMALL_SPACES = (
    get_space("darts:nodes=1"),
    get_space("nas-bench-201:nodes=2"),
    replace(get_space("proxyless"), skeleton=MobileSkeleton((1,) * 6), ops=("mbconv_3x3_e3",), edge_ops={}),
    get_space("conv-stages:blocks=2"),
)


def images(count: int = 20, channels: int = 3, height: int = 9, width: int = 7) -> Tensor:
    """Smooth noise, whose neighbours are correlated, with another mean in every channel."""
    noise = torch.randn(count, channels, height + 2, width + 2, generator=torch.Generator().manual_seed(0))
    return functional.avg_pool2d(noise, 3, stride=1) + torch.arange(channels).view(-1, 1, 1)


def patches(x: Tensor) -> Tensor:
    """All 2x2 patches, (number, channels * 4), in double precision, by loops."""
    places = [(row, column) for row in range(x.shape[2] - 1) for column in range(x.shape[3] - 1)]
    return torch.cat([x[:, :, row : row + 2, column : column + 2].flatten(1) for row, column in places]).double()


def fitted(x: Tensor) -> Whitening:
    whitening = Whitening(x.shape[1]).double()
    whitening.fit(x)
    return whitening


@pytest.mark.parametrize("channels", [1, 3])
def test_fitted_filters_and_their_negatives_whiten_the_patches(channels: int) -> None:
    x = images(channels=channels)
    of = patches(x)
    values = torch.linalg.eigvalsh(of.t() @ of / len(of))
    halves = fitted(x).filters.flatten(1).chunk(2)
    assert torch.equal(halves[0], -halves[1])
    for half in halves:
        whitened = of @ half.t()
        covariance = whitened.t() @ whitened / len(of)
        # Both sides are in double precision; eigenvectors of near values are known to some 1e-12.
        torch.testing.assert_close(covariance, torch.diag(values / (values + EPS)), rtol=1e-9, atol=1e-9)


def test_the_outputs_are_whitened_patches_through_gelu() -> None:
    x = images()
    whitening = fitted(x)
    out = whitening(x.double())
    assert out.shape == (20, 24, 8, 6)
    expected = functional.gelu(patches(x[:1, :, 2:4, 3:5]) @ whitening.filters.flatten(1).t())
    torch.testing.assert_close(out[:1, :, 2, 3], expected)


def test_axes_of_either_sign_give_the_same_filters() -> None:
    first, _ = fitted(images()).filters.flatten(1).chunk(2)
    assert (first.gather(1, first.abs().argmax(dim=1, keepdim=True)) > 0).all()
    assert torch.equal(fitted(images()).filters, fitted(images()).filters)


def test_constant_images_give_finite_filters() -> None:
    assert fitted(torch.ones(4, 2, 5, 5)).filters.isfinite().all()


@pytest.mark.parametrize("shape", [(5, 3, 1, 8), (5, 3, 8, 1), (0, 3, 8, 8), (5, 1, 8, 8), (3, 8, 8)])
def test_images_without_patches_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="needs images of 3 channels and at least 2x2 pixels, but was given"):
        Whitening(3).fit(torch.zeros(shape))


def test_nothing_is_learned_and_filters_start_orthogonal() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        whitening = Whitening(2)
        torch.manual_seed(0)
        assert torch.equal(Whitening(2).filters, whitening.filters)
        assert not torch.equal(Whitening(2).filters, whitening.filters)
    assert not list(whitening.parameters())
    assert set(whitening.state_dict()) == {"filters"}
    axes = whitening.filters.flatten(1)[:8]
    torch.testing.assert_close(axes @ axes.t(), torch.eye(8))


@pytest.mark.parametrize("training", [True, False])
def test_autocast_rounds_nothing_but_the_result(training: bool) -> None:
    x = images()
    whitening = Whitening(3)
    whitening.fit(x)
    whitening.train(training)
    expected = whitening(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = whitening(x)
    # The same sums in parts of another size may differ in the last bit of float32, which rounding may turn into one of
    # bfloat16.
    torch.testing.assert_close(out, expected.bfloat16(), rtol=2**-7, atol=1e-6)
    assert (out == expected.bfloat16()).float().mean() > 0.999
    assert whitening(x.bfloat16()).dtype == torch.bfloat16
    assert whitening.double()(x.double()).dtype == torch.float64


def layers(space: SearchSpace) -> int:
    return max(3, space.skeleton.fewest_layers)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    ("stem", "channels", "size"), [("cifar", 3, (17, 28)), ("cifar", 1, (18, 17)), ("imagenet", 3, (70, 89))]
)
def test_whitened_networks_cost_what_torch_counts(name: str, stem: Stem, channels: int, size: tuple[int, int]) -> None:
    space = get_space(name)
    plan = space.plan(
        in_channels=channels, num_classes=5, init_channels=4, layers=layers(space), stem=stem, whitens=True
    )
    genotype, seen = drawn_genotype(space), []
    with torch.device("meta"):
        network = Network(space, genotype, plan).eval()
        network.backbone.head.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0].shape[2:]))
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.empty(1, channels, *size))
    cost = network_cost(space, genotype, plan, size)
    assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert 2 * cost.multiply_adds == counter.get_total_flops()
    assert smallest_map(plan, size) == tuple(seen[0])


@pytest.mark.parametrize("space", SMALL_SPACES, ids=lambda space: space.name)
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_whitened_supernets_are_what_both_engines_and_the_work_of_a_step_say(space: SearchSpace, stem: Stem) -> None:
    side = 67 if stem == "imagenet" else 17
    plan = space.plan(in_channels=2, num_classes=3, init_channels=4, layers=layers(space), stem=stem, whitens=True)
    spec, generator = SupernetSpec(space, plan), torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        reference = ReferenceSupernet(spec).double()
    fused = FusedSupernet(spec).double()
    fused.load_state_dict(reference.state_dict())
    x = torch.randn(2, 2, side, side, generator=generator, dtype=torch.float64)
    gates = {kind: torch.rand(space.alpha_shape, generator=generator).double() for kind in space.cell_kinds}
    with torch.no_grad():
        # Double precision through batch norms of few numbers.
        torch.testing.assert_close(fused(x, gates), reference(x, gates), rtol=1e-7, atol=1e-9)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reference.to("meta")(x.to("meta"), {kind: gate.to("meta") for kind, gate in gates.items()})
    pieces = list(pieces_of_step(spec, 2, (side, side)))
    assert 2 * sum(piece.multiply_adds for piece in pieces) == counter.get_total_flops()
    assert sum(piece.parameters for piece in pieces) == sum(weight.numel() for weight in reference.parameters())


@pytest.mark.parametrize("name", SPACES)
def test_networks_that_do_not_whiten_have_no_trace_of_it(name: str) -> None:
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=5, init_channels=4, layers=layers(space))
    genotype = drawn_genotype(space)
    with torch.device("meta"):
        plain = Network(space, genotype, plan)
    assert plain.backbone.whitening is None
    assert not any("whitening" in name for name in plain.state_dict())


def test_a_pixel_is_missing_behind_the_whitening() -> None:
    space = get_space("darts")
    sizes = {"in_channels": 3, "num_classes": 2, "init_channels": 4, "layers": 3}
    plan = space.plan(**sizes, whitens=True, image_size=(32, 30))  # type: ignore[arg-type]
    assert plan.places[0].map_size == (31, 29)  # type: ignore[union-attr]
    assert smallest_map(plan, (1, 1)) == (0, 0)
    genotype = drawn_genotype(space)
    with torch.device("meta"):
        network = Network(space, genotype, plan)
    stem = next(module for module in network.backbone.stem.modules() if isinstance(module, nn.Conv2d))
    assert stem.in_channels == plan.stem_inputs == 24
