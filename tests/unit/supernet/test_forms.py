"""The form of an operation is told from its modules, exactly: what is nearly of a form is run as it stands."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dartboard.kernels import DepthwiseConv2d
from dartboard.space import ATTENTION, OPS, CellTopology, Cost, Norm, SearchSpace, get_space, op
from dartboard.space.ops import build_op
from dartboard.space.ops.basic import Zero
from dartboard.space.ops.conv import FactorizedReduce
from dartboard.space.skeleton import DartsSkeleton
from dartboard.supernet import FusedSupernet, ReferenceSupernet, SupernetSpec
from dartboard.supernet.forms import Dense, Form, Reduced, Separable, find_form, form_of
from dartboard.supernet.spec import SEARCH_NORM

EPS = 1e-5
AT_EITHER_STRIDE: dict[str, Form] = {
    "none": "nothing",
    "max_pool_3x3": "shared",
    "avg_pool_3x3": "shared",
    "sep_conv_3x3": Separable(3, 1, 2, EPS),
    "sep_conv_5x5": Separable(5, 1, 2, EPS),
    "sep_conv_7x7": Separable(7, 1, 2, EPS),
    "dil_conv_3x3": Separable(3, 2, 1, EPS),
    "dil_conv_5x5": Separable(5, 2, 1, EPS),
    "nor_conv_3x3": Dense(3, 1, EPS),
    "noise": "plain",
    **{f"mbconv_{kernel}x{kernel}_e{growth}": "plain" for kernel in (3, 5, 7) for growth in (3, 6)},
    **dict.fromkeys(("dense_1x1", "dense_3x3", "dense_5x5", "dense_3x3_relu", "pool_dense_3x3"), "plain"),
    **dict.fromkeys(("residual_3x3", "bottleneck_3x3"), "plain"),
}
EXPECTED = {(name, stride): form for name, form in AT_EITHER_STRIDE.items() for stride in (1, 2)}
EXPECTED |= {("skip_connect", 1): "shared", ("skip_connect", 2): Reduced(EPS)}
EXPECTED |= {("nor_conv_1x1", 1): Dense(1, 1, EPS), ("nor_conv_1x1", 2): "plain"}
EXPECTED |= {("zero", 1): "nothing"}
EXPECTED |= {(name, 1): "shared" if name == "identity" else "plain" for name in ATTENTION}
LEARNED, RUNNING = Norm(affine=True, running=False), Norm(affine=False, running=True)


@pytest.mark.parametrize(("name", "stride"), EXPECTED)
def test_every_operation_of_the_package_has_its_form(name: str, stride: int) -> None:
    assert find_form(build_op(name, 4, stride, SEARCH_NORM, (8, 8))) == EXPECTED[name, stride]


def test_no_operation_of_the_package_is_forgotten_here() -> None:
    own = {entry.name for entry in OPS if entry.factory.__module__.startswith("dartboard.")}
    assert own == {name for name, _ in EXPECTED}


@pytest.mark.parametrize("norm", [LEARNED, RUNNING], ids=["affine", "running"])
@pytest.mark.parametrize("name", ["sep_conv_3x3", "dil_conv_5x5"])
def test_convolutions_with_learned_or_running_norms_are_plain(name: str, norm: Norm) -> None:
    assert find_form(OPS[name].factory(4, 1, norm)) == "plain"


def test_a_reduction_is_folded_if_it_keeps_the_number_of_channels_and_its_norm_is_bare() -> None:
    assert find_form(FactorizedReduce(4, 4, SEARCH_NORM)) == Reduced(EPS)
    assert find_form(FactorizedReduce(8, 4, SEARCH_NORM)) == "plain"
    assert find_form(FactorizedReduce(4, 4, LEARNED)) == "plain"
    assert find_form(FactorizedReduce(4, 4, RUNNING)) == "plain"


@pytest.mark.parametrize("stride", [1, 2])
def test_a_pooling_is_shared_with_a_bare_norm_behind_it_and_plain_with_one_that_has_state(stride: int) -> None:
    darts = get_space("darts")
    assert form_of("max_pool_3x3", darts, stride) == "shared"
    assert form_of("max_pool_3x3", darts, stride, LEARNED) == "plain"
    assert form_of("avg_pool_3x3", darts, stride, RUNNING) == "plain"
    assert form_of("avg_pool_3x3", get_space("nas-bench-201"), stride, RUNNING) == "shared"


def bare(channels: int = 4, eps: float = EPS) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=eps, affine=False, track_running_stats=False)


def half(
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    rectifier: Callable[[], nn.Module] = nn.ReLU,
    pointwise: Callable[[], nn.Module] = lambda: nn.Conv2d(4, 4, 1, bias=False),
    norm: Callable[[], nn.Module] = bare,
) -> list[nn.Module]:
    return [rectifier(), DepthwiseConv2d(4, kernel, stride, dilation), pointwise(), norm()]


@pytest.mark.parametrize(
    ("parts", "form"),
    [
        (half(), Separable(3, 1, 1, EPS)),
        (half(kernel=9, stride=2), Separable(9, 1, 1, EPS)),
        (half(kernel=5, dilation=2), Separable(5, 2, 1, EPS)),
        ([*half(kernel=5, stride=2), *half(kernel=5)], Separable(5, 1, 2, EPS)),
        ([*half(dilation=2), *half()], Separable(3, 2, 2, EPS)),
    ],
)
def test_modules_put_together_elsewhere_are_recognised(parts: list[nn.Module], form: Separable) -> None:
    assert find_form(nn.Sequential(*parts)) == form


class Halved(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 2


class Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Doubled(nn.Identity):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Scaled(nn.AvgPool2d):
    def __init__(self) -> None:
        super().__init__(3, 1, 1)
        self.scale = nn.Parameter(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * super().forward(x)


class Wider(DepthwiseConv2d):
    pass


@pytest.mark.parametrize(
    "parts",
    [
        half(pointwise=lambda: nn.Conv2d(4, 4, 1)),
        half(pointwise=lambda: nn.Conv2d(4, 4, 1, groups=2, bias=False)),
        half(pointwise=lambda: nn.Conv2d(4, 4, 3, padding=1, bias=False)),
        half(pointwise=lambda: nn.Conv2d(4, 4, 1, stride=2, bias=False)),
        half(pointwise=lambda: nn.Conv2d(4, 2, 1, bias=False), norm=lambda: bare(2)),
        half(norm=lambda: nn.BatchNorm2d(4)),
        half(norm=lambda: nn.BatchNorm2d(4, affine=False)),
        half(norm=lambda: nn.BatchNorm2d(4, track_running_stats=False)),
        half(norm=lambda: Halved(4, affine=False, track_running_stats=False)),
        half(norm=lambda: nn.GroupNorm(2, 4, affine=False)),
        half(norm=nn.Identity),
        half(rectifier=nn.LeakyReLU),
        half(rectifier=nn.ReLU6),
        [nn.ReLU(), Wider(4, 3), nn.Conv2d(4, 4, 1, bias=False), bare()],
        [*half(), *half(), *half()],
        [*half(), *half(kernel=5)],
        [*half(), *half(stride=2)],
        [*half(), *half(dilation=2)],
        [*half(), *half(norm=lambda: bare(eps=1e-3))],
        [*half(), nn.ReLU()],
        half()[:3],
        half()[1:],
        [],
        [nn.Sequential(*half())],
    ],
    ids=lambda parts: "-".join(type(part).__name__ for part in parts),
)
def test_near_misses_of_a_separable_convolution_are_plain(parts: list[nn.Module]) -> None:
    assert find_form(nn.Sequential(*parts)) == "plain"


@pytest.mark.parametrize(
    "built",
    [
        Residual(*half()),
        Residual(nn.MaxPool2d(3, 1, 1), bare()),
        nn.Sequential(Doubled(), bare()),
        Doubled(),
        Scaled(),
        type("Ones", (Zero,), {"forward": lambda _, x: torch.ones_like(x)})(1),
    ],
    ids=lambda built: type(built).__name__,
)
def test_modules_that_only_inherit_from_known_ones_are_plain_since_they_may_compute_something_else(
    built: nn.Module,
) -> None:
    assert find_form(built) == "plain"


@pytest.fixture
def _operations_from_elsewhere():
    """Registers operations that look like the package's and are not, and forgets them afterwards."""
    free = lambda *_: Cost()  # noqa: E731

    @op("coarse_conv", cost=free)
    def coarse_conv(channels: int, stride: int, norm: Norm) -> nn.Module:
        """A separable convolution whose norm has another eps."""
        pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        return nn.Sequential(nn.ReLU(), DepthwiseConv2d(channels, 3, stride), pointwise, bare(channels, eps=0.1))

    @op("residual_conv", cost=free)
    def residual_conv(channels: int, stride: int, norm: Norm) -> nn.Module:
        """A pooling beside a pooling and a norm, at either stride."""
        return Residual(nn.AvgPool2d(3, 1, 1), bare(channels)) if stride == 1 else nn.MaxPool2d(2, 2, ceil_mode=True)

    @op("scaled_pool", cost=free)
    def scaled_pool(channels: int, stride: int, norm: Norm) -> nn.Module:
        """A pooling with a weight."""
        return Scaled() if stride == 1 else nn.AvgPool2d(2, 2, ceil_mode=True)

    yield
    for name in ("coarse_conv", "residual_conv", "scaled_pool"):
        OPS.remove(name)


@pytest.mark.usefixtures("_operations_from_elsewhere")
def test_operations_from_elsewhere_beside_the_packages_compute_what_they_are() -> None:
    cell = CellTopology(num_inputs=2, num_nodes=2, output="concat", projects_inputs=True, edges_per_node=2)
    names = ("dil_conv_3x3", "coarse_conv", "residual_conv", "scaled_pool", "sep_conv_3x3")
    space = SearchSpace("mixed", names, cell, DartsSkeleton(), frozenset(), (4, 3), (4, 3))
    spec = SupernetSpec(space, space.plan(in_channels=1, num_classes=3, init_channels=4, layers=3))
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 1, 8, 8, generator=generator, dtype=torch.float64)
    gates = {
        kind: torch.randn(shape, generator=generator, dtype=torch.float64) for kind, shape in spec.gate_shapes.items()
    }
    results = []
    for engine in (ReferenceSupernet, FusedSupernet):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            supernet = engine(spec).double()
        logits = supernet(images, gates)
        value, weights = logits.square().sum(), list(supernet.parameters())
        results.append([logits, *torch.autograd.grad(value, weights, materialize_grads=True)])
    for found, wanted in zip(*results, strict=True):
        # Float64 rounding, through norms that multiply it by up to 316 each.
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)
