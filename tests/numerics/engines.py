"""Both supernet engines with the same weights, random questions to both, and the comparison of their answers."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.space import ATTENTION, OPS, CellPlace, CellTopology, NetworkPlan, Norm, SearchSpace, get_space
from dartboard.space.ops import rounds_down
from dartboard.space.skeleton import DartsSkeleton
from dartboard.space.spaces.darts import darts_cell
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SkipDropout, SupernetSpec
from dartboard.supernet.spec import SEARCH_NORM

__all__ = [
    "SMALL_SPACES",
    "SPACES",
    "Question",
    "answer",
    "ask",
    "assert_same",
    "build",
    "directions",
    "flat",
    "norms",
    "questions",
    "relative_error",
    "small_spec",
    "twins",
]

SPACES = (get_space("darts"), get_space("nas-bench-201"))
SMALL_SPACES = (replace(SPACES[0], cell=darts_cell(nodes=2)), SPACES[1])
"""DARTS with 5 edges in place of 14, for tests of several passes."""
OPERATIONS = tuple(
    entry.name
    for entry in OPS
    if entry.factory.__module__.startswith("dartboard.") and entry.name not in ATTENTION and not rounds_down(entry.name)
)
"""Operations of any stride that the package itself registers and that give maps of one size; other tests may register
more."""
FOLLOWERS = (
    "skip_connect",
    "nor_conv_1x1",
    "avg_pool_3x3",
    "sep_conv_3x3",
    *(name for name in ATTENTION if name != "bam"),
)
"""What may follow the operations of an edge, also of one that has none: there, the norms of `bam` see maps of one
value, make rounding noise of it, and a ReLU then tells its signs."""


class Question(NamedTuple):
    """What a supernet is asked."""

    images: Tensor
    gates: dict[str, Tensor]
    active: Mapping[str, list[list[int]]] | None = None
    skip_dropout: SkipDropout | None = None

    def to(self, dtype: torch.dtype) -> "Question":
        """The same in another precision."""
        gates = {name: gate.to(dtype) for name, gate in self.gates.items()}
        return self._replace(images=self.images.to(dtype), gates=gates)


def small_spec(space: SearchSpace, *, width: int = 2, mixing: Mixing | None = None) -> SupernetSpec:
    """A tiny supernet of a space: three cells, of DARTS one normal and two reduction cells; for any images, unless an
    operation wants to know their size, which is 8x8 then."""
    layers = 3 if space.name == "darts" else 1
    plan = space.plan(in_channels=2, num_classes=3, init_channels=width, layers=layers, image_size=(8, 8))
    return SupernetSpec(space, plan, mixing or Mixing())


def build(engine: type[ReferenceSupernet], spec: SupernetSpec, seed: int = 0) -> ReferenceSupernet:
    """A supernet of random weights; scales of norms are drawn too, since ones would hide a lost scale."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        supernet = engine(spec).double()
        with torch.no_grad():
            for module in supernet.modules():
                if isinstance(module, nn.BatchNorm2d) and module.affine:
                    module.weight.uniform_(0.5, 1.5)
    return supernet


def twins(spec: SupernetSpec, seed: int = 0) -> tuple[ReferenceSupernet, FusedSupernet]:
    """Reference and fused engine in float64; the same seed gives both the same weights."""
    fused = build(FusedSupernet, spec, seed)
    assert isinstance(fused, FusedSupernet)
    return build(ReferenceSupernet, spec, seed), fused


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def ask(
    spec: SupernetSpec, *, batch: int = 3, size: tuple[int, int] = (8, 8), seed: int = 1, softmax: bool = False
) -> Question:
    """Random images and random gates, which may be negative unless they come from a softmax."""
    generator = torch.Generator().manual_seed(seed)
    images = normal(generator, batch, spec.plan.in_channels, *size)
    gates = {kind: normal(generator, *shape) for kind, shape in spec.gate_shapes.items()}
    if softmax:
        gates = {kind: gate.softmax(dim=-1) for kind, gate in gates.items()}
    edges = len(spec.space.cell.edges)
    for kind in spec.space.cell_kinds:
        if spec.mixing.auxiliary_skip:
            gates[f"{kind}.auxiliary"] = normal(generator, edges)
        if spec.mixing.attention:
            gates[f"{kind}.attention"] = normal(generator, edges, len(spec.mixing.attention))
    return Question(images, gates)


def directions(tensors: Iterable[Tensor], seed: int = 5) -> list[Tensor]:
    """A random tensor in the shape of each."""
    generator = torch.Generator().manual_seed(seed)
    return [normal(generator, *tensor.shape).to(tensor) for tensor in tensors]


def answer(supernet: ReferenceSupernet, question: Question) -> dict[str, Tensor]:
    """Logits, and the gradients of a random combination of them, by name; zeros where nothing depends."""
    images = question.images.clone().requires_grad_()
    gates = {name: gate.clone().requires_grad_() for name, gate in question.gates.items()}
    logits = supernet(images, gates, question.active, question.skip_dropout)
    inputs = {"images": images} | {f"gates {name}": gate for name, gate in gates.items()}
    inputs |= {f"weight {name}": weight for name, weight in supernet.named_parameters()}
    value = (logits * directions([logits])[0]).sum()
    found = torch.autograd.grad(value, list(inputs.values()), materialize_grads=True)
    return {"logits": logits.detach(), **dict(zip(inputs, found, strict=True))}


def assert_same(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], relative: float = 1e-9, floor: float = 1e-12
) -> None:
    """Every tensor agrees in norm.

    Float64 rounds to 1e-16, and a batch norm over a channel of nearly equal values multiplies that by up to
    1 / sqrt(eps) = 316, layer by layer: 1e-9 leaves room for a few such layers and for no mistake. Gradients that are
    zero but for rounding are judged by the largest norm among all.
    """
    assert set(found) == set(wanted)
    sizes = {name: norm_of(tensor) for name, tensor in wanted.items()}
    for name, size in sizes.items():
        error = norm_of(found[name] - wanted[name])
        assert error <= relative * size + floor * max(sizes.values()), f"{name}: off by {error} of {size}"


def norm_of(tensor: Tensor) -> float:
    return float(tensor.detach().double().norm())


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """All numbers of some tensors as one vector."""
    return torch.cat([tensor.flatten() for tensor in tensors])


def relative_error(found: Tensor, wanted: Tensor) -> float:
    return norm_of(found - wanted) / norm_of(wanted)


norms = st.sampled_from(
    [SEARCH_NORM, Norm(affine=False, running=True), Norm(affine=True, running=False), Norm(affine=True, running=True)]
)


class _Width(NamedTuple):
    """Channels of the stem and of the nodes of either cell."""

    stem: int
    normal: int
    reduce: int


def _plan(cell: CellTopology, width: _Width) -> NetworkPlan:
    """A normal and a reduction cell, for any cell that projects its inputs."""
    between = cell.output_multiplier * width.normal
    first = (width.stem, width.stem)[: cell.num_inputs]
    second = (width.stem, between)[-cell.num_inputs :]
    ones = (1,) * cell.num_inputs
    places = (CellPlace("normal", first, ones, width.normal, 1), CellPlace("reduce", second, ones, width.reduce, 2))
    return NetworkPlan(2, 3, "cifar", width.stem, places, cell.output_multiplier * width.reduce, False, None)


@st.composite
def specs(draw: st.DrawFn, *, mixed: bool = False) -> SupernetSpec:
    """A normal and a reduction cell of any graph over any operations in any order."""
    names = tuple(draw(st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=5, unique=True)))
    cell = CellTopology(
        num_inputs=draw(st.integers(1, 2)),
        num_nodes=draw(st.integers(1, 3)),
        output=draw(st.sampled_from(["concat", "last"])),
        projects_inputs=True,
        edges_per_node=None,
    )
    normalized = frozenset(draw(st.lists(st.sampled_from(names), unique=True)))
    space = SearchSpace("drawn", names, cell, DartsSkeleton(), normalized, (4, 3), (4, 3))
    spec = SupernetSpec(space, _plan(cell, _Width(stem=4, normal=4, reduce=8)))
    if mixed:
        share = draw(st.sampled_from([1, 2, 4]))
        attention = draw(st.lists(st.sampled_from(FOLLOWERS), max_size=2, unique=True))
        mixing = Mixing(share, draw(st.booleans()), tuple(attention))
        # Factorised reductions need two channels.
        width = _Width(stem=4, normal=8, reduce=8) if share == 4 else _Width(stem=4, normal=4, reduce=4)
        spec = replace(spec, mixing=mixing, plan=_plan(cell, width))
    return spec


@st.composite
def questions(draw: st.DrawFn, *, mixed: bool = False) -> tuple[SupernetSpec, Question]:
    """A spec, some of its operations taken away by `live` and `active`, and a question with any optional gates."""
    spec = draw(specs(mixed=mixed))
    edges, kinds = len(spec.space.cell.edges), spec.space.cell_kinds
    some_ops = st.lists(st.lists(st.sampled_from(spec.space.ops), unique=True), min_size=edges, max_size=edges)
    live = draw(st.none() | st.dictionaries(st.sampled_from(kinds), some_ops, max_size=2))
    columns = st.lists(st.integers(0, len(spec.space.ops) - 1), unique=True)
    some_columns = st.lists(columns | columns.map(lambda chosen: chosen[:1]), min_size=edges, max_size=edges)
    active = draw(st.none() | st.fixed_dictionaries(dict.fromkeys(kinds, some_columns)))
    if live is not None:
        spec = spec.with_live(live)
    size = draw(st.tuples(st.integers(5, 9), st.integers(5, 9)))
    spec = replace(spec, plan=spec.plan.for_images(size))
    # Behind a norm the channels of a single image have a mean of zero, but for noise, which a ReLU in attention reads.
    fewest = 2 if {"squeeze_excite", "cbam"} & set(spec.mixing.attention) else 1
    question = ask(spec, batch=draw(st.integers(fewest, 4)), size=size, seed=draw(st.integers(0, 2**32)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    # A channel of one value comes out of a batch norm as rounding noise, whose signs a ReLU then tells: where nodes
    # may receive nothing, offsets are zero, as GDAS has them.
    filled = live is None and active is None and not spec.mixing.attention and set(spec.space.ops) - {"none"}
    for kind in kinds:
        edge_shape = draw(st.sampled_from([None, (edges,), (len(question.images), edges)]))
        if edge_shape is not None:
            question.gates[f"{kind}.edges"] = normal(generator, *edge_shape)
        if draw(st.booleans()):
            question.gates[f"{kind}.offset"] = normal(generator, edges) * (1.0 if filled else 0.0)
    seeds = st.integers(0, 2**62)
    skip_dropout = draw(st.none() | st.builds(SkipDropout, st.sampled_from([0.1, 0.4, 0.7]), seeds)) if mixed else None
    return spec, question._replace(active=active, skip_dropout=skip_dropout)
