"""Attention modules: known sizes, masks in their ranges, and the formulas of the papers in plain operations."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from dartboard.errors import SettingsError
from dartboard.space import ATTENTION, MODULES, OPS, Norm
from dartboard.space.ops import Size, build_op, op_cost
from dartboard.space.ops.conv import FactorizedReduce
from dartboard.supernet.spec import SEARCH_NORM

LEARNED = Norm(affine=True, running=True)
MASKS = {"squeeze_excite": (0.0, 1.0), "bam": (1.0, 2.0), "cbam": (0.0, 1.0), "gather_excite": (0.0, 1.0)}
every_attention = pytest.mark.parametrize("name", ATTENTION)


def build(name: str, channels: int = 16, size: Size = (8, 8), norm: Norm = LEARNED, seed: int = 0) -> nn.Module:
    """In float64; scales and shifts of norms random as well."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        op = build_op(name, channels, 1, norm, size).double()
        with torch.no_grad():
            for module in op.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.uniform_(-0.5, 0.5)
    return op


def images(channels: int = 16, size: Size = (8, 8), batch: int = 3, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, *size, dtype=torch.float64, generator=generator)


def test_the_candidates_stand_in_the_order_of_att_darts() -> None:
    assert ATTENTION == ("identity", "squeeze_excite", "bam", "cbam", "gather_excite", "double_attention")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("identity", 0),
        ("squeeze_excite", 32),
        ("bam", 96),
        ("cbam", 149),
        ("gather_excite", 16_448),
        ("double_attention", 284),
    ],
)
@pytest.mark.parametrize("norm", [LEARNED, SEARCH_NORM], ids=["network", "supernet"])
def test_sixteen_channels_on_32x32_pixels_have_the_known_number_of_parameters(
    name: str, parameters: int, norm: Norm
) -> None:
    op = build(name, 16, (32, 32), norm)
    assert sum(parameter.numel() for parameter in op.parameters()) == parameters
    assert op_cost(name, 16, 1, norm, 32 * 32).parameters == parameters


@every_attention
@given(channels=st.integers(1, 40), size=st.tuples(st.integers(2, 9), st.integers(2, 9)), batch=st.integers(1, 3))
@settings(max_examples=10)
def test_every_shape_is_kept(name: str, channels: int, size: Size, batch: int) -> None:
    out = build(name, channels, size)(images(channels, size, batch))
    assert out.shape == (batch, channels, *size)
    assert out.isfinite().all()


@pytest.mark.parametrize("name", MASKS)
@given(seed=st.integers(0, 2**32), channels=st.sampled_from([1, 4, 32]), scale=st.sampled_from([0.1, 1.0, 3.0]))
@settings(max_examples=10)
def test_a_mask_lies_in_its_range(name: str, seed: int, channels: int, scale: float) -> None:
    x = scale * images(channels, seed=seed)
    mask = build(name, channels, seed=seed)(x) / x
    low, high = MASKS[name]
    # Dividing rounds; sigmoids of these sizes are further than that from 0 and from 1.
    assert low < mask.min()
    assert mask.max() < high


@pytest.mark.parametrize("name", ["squeeze_excite", "gather_excite"])
def test_every_pixel_of_a_channel_has_one_mask(name: str) -> None:
    x = images()
    mask = build(name)(x) / x
    torch.testing.assert_close(mask, mask[:, :, :1, :1].expand_as(mask))


def test_the_identity_gives_back_what_it_got() -> None:
    x = images()
    assert build("identity")(x) is x


def test_the_identity_has_no_stride() -> None:
    with pytest.raises(SettingsError, match="'identity' keeps the size of its maps and cannot have a stride of 2"):
        OPS["identity"].factory(16, 2, LEARNED)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_with_a_stride_follows_a_reduction(name: str) -> None:
    op = build_op(name, 16, 2, LEARNED, (4, 4))
    assert isinstance(op, nn.Sequential)
    assert isinstance(op[0], FactorizedReduce)
    assert op(torch.randn(2, 16, 7, 8)).shape == (2, 16, 4, 4)


def test_gather_excite_wants_to_know_the_size_of_its_maps() -> None:
    with pytest.raises(SettingsError, match="must know the size of its maps; make the network's plan with an image_s"):
        OPS["gather_excite"].factory(16, 1, LEARNED)


def test_gather_excite_refuses_maps_of_another_size() -> None:
    with pytest.raises(SettingsError, match="was built for maps of 8x6 pixels and got 8x8"):
        build("gather_excite", size=(6, 8))(images())


@pytest.mark.parametrize(("channels", "hidden"), [(1, 1), (4, 1), (16, 1), (31, 1), (32, 2), (64, 4)])
def test_the_hidden_layer_has_a_sixteenth_of_the_channels_and_at_least_one(channels: int, hidden: int) -> None:
    assert build("squeeze_excite", channels).excite[0].out_channels == hidden


# The papers' formulas. Weights are read by name, norms computed by hand.


def dense(convolution: nn.Conv2d, vectors: Tensor) -> Tensor:
    bias = convolution.bias if convolution.bias is not None else 0.0
    return vectors @ convolution.weight[:, :, 0, 0].T + bias


def normalized(norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """(rows, channels), over the rows."""
    deviation = (x.var(dim=0, unbiased=False) + norm.eps).sqrt()
    return (x - x.mean(dim=0)) / deviation * norm.weight + norm.bias


def squeeze_excite(op: nn.Module, x: Tensor) -> Tensor:
    hidden = dense(op.excite[0], x.mean(dim=(2, 3))).relu()
    return x * dense(op.excite[2], hidden).sigmoid()[:, :, None, None]


def gather_excite(op: nn.Module, x: Tensor) -> Tensor:
    gathered = functional.conv2d(x, op.gather.weight, groups=x.shape[1])
    vectors = normalized(op.norm.norm, gathered[:, :, 0, 0])
    vectors = dense(op.excite[2], dense(op.excite[0], vectors).relu())
    return x * functional.interpolate(vectors[:, :, None, None], x.shape[2:], mode="nearest").sigmoid()


def bam(op: nn.Module, x: Tensor) -> Tensor:
    first, norm, _, last = op.channel
    channel = dense(last, normalized(norm.norm, dense(first, x.mean(dim=(2, 3)))).relu())
    spatial = x
    for number in (0, 3, 6):
        options = {} if number == 0 else {"padding": 4, "dilation": 4}
        convolution, norm = op.spatial[number], op.spatial[number + 1]
        spatial = functional.conv2d(spatial, convolution.weight, convolution.bias, **options)
        rows = spatial.permute(0, 2, 3, 1)
        spatial = normalized(norm, rows.flatten(0, 2)).reshape(rows.shape).permute(0, 3, 1, 2).relu()
    spatial = functional.conv2d(spatial, op.spatial[9].weight, op.spatial[9].bias)
    return x * (1 + (channel[:, :, None, None] * spatial).sigmoid())


def cbam(op: nn.Module, x: Tensor) -> Tensor:
    mean, most = x.mean(dim=(2, 3)), x.flatten(2).max(dim=2).values
    first, _, last = op.channel
    channel = (dense(last, dense(first, mean).relu()) + dense(last, dense(first, most).relu())).sigmoid()
    x = x * channel[:, :, None, None]
    pooled = torch.stack([x.max(dim=1).values, x.mean(dim=1)], dim=1)
    spatial = functional.conv2d(pooled, op.spatial.weight, padding=3)
    return x * normalized(op.norm, spatial.reshape(-1, 1)).reshape(spatial.shape).sigmoid()


def double_attention(op: nn.Module, x: Tensor) -> Tensor:
    results = []
    for pixels in x.flatten(2).transpose(1, 2):  # a row for each pixel
        gather = dense(op.gather, pixels).softmax(dim=0)
        hand_out = dense(op.hand_out, pixels).softmax(dim=1)
        gathered = dense(op.features, pixels).T @ gather
        results.append(pixels + dense(op.join, hand_out @ gathered.T))
    return torch.stack(results).transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize("formula", [squeeze_excite, gather_excite, bam, cbam, double_attention])
@pytest.mark.parametrize("channels", [4, 32])
def test_the_module_is_the_papers_formula(formula: Callable[[nn.Module, Tensor], Tensor], channels: int) -> None:
    op, x = build(formula.__name__, channels, (6, 9)), images(channels, (6, 9))
    torch.testing.assert_close(op(x), formula(op, x))


# Derivatives, norms and compilers


@every_attention
def test_derivatives_of_first_and_second_order_are_those_of_differences(name: str) -> None:
    op, x = build(name, 4, (3, 2)), images(4, (3, 2), batch=2).requires_grad_()
    weights = tuple(op.parameters())

    def value(x: Tensor, *given: Tensor) -> Tensor:
        named = dict(zip(dict(op.named_parameters()), given, strict=True))
        result: Tensor = torch.func.functional_call(op, named, (x,))
        return result

    op.eval()  # running averages: by those of a batch of two, gathered vectors are -1 and 1 whatever they were
    assert torch.autograd.gradcheck(value, (x, *weights))
    assert torch.autograd.gradgradcheck(value, (x, *weights))
    op.train()
    assert torch.autograd.gradcheck(value, (images(4, (3, 2), batch=4).requires_grad_(), *weights))


@pytest.mark.parametrize("name", ["bam", "gather_excite"])
@pytest.mark.parametrize("norm", [SEARCH_NORM, LEARNED], ids=["batch statistics", "running averages"])
def test_a_batch_of_one_image_is_taken_and_leaves_running_averages_alone(name: str, norm: Norm) -> None:
    op, x = build(name, norm=norm), images(batch=1)
    before = {key: value.clone() for key, value in op.named_buffers() if ".norm." in f".{key}"}
    assert bool(before) == norm.running
    out = op(x)
    assert all(torch.equal(op.get_buffer(key), value) for key, value in before.items())
    # What two images tend to that become one: 1e-9 apart, divided by at least the square root of eps = 1e-5.
    twin = torch.cat([x, x + 1e-9 * images(batch=1, seed=2)])
    torch.testing.assert_close(out, op(twin)[:1], rtol=0, atol=1e-6)
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(out.sum(), list(op.parameters())))


@pytest.mark.parametrize("running", [True, False])
def test_the_norm_of_cbam_moves_its_averages_by_a_hundredth(running: bool) -> None:
    op = build("cbam", norm=Norm(affine=False, running=running))
    assert op.norm.momentum == 0.01
    assert (op.norm.running_mean is not None) == running
    assert op.norm.affine


@every_attention
def test_a_compiler_traces_it_for_any_batch(name: str) -> None:
    op, x = build(name).eval(), images()
    exported = torch.export.export(op, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for batch in (2, 5):
        other = images(batch=batch, seed=3)
        torch.testing.assert_close(exported.module()(other), op(other))
