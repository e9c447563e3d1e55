from dataclasses import replace
from functools import cache
from itertools import cycle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from dartboard.errors import GenotypeError, SettingsError
from dartboard.space import ATTENTION, Genotype, Network, Norm, SearchSpace, get_space, parse_genotype
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec, carry_weights, path_weights
from dartboard.supernet.reference import MixedCell
from dartboard.supernet.spec import SEARCH_NORM

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")
every_space = pytest.mark.parametrize("space", [DARTS, NB201], ids=lambda space: space.name)
LEARNED = Norm(affine=True, running=True)


def seeded(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spec_of(space: SearchSpace, *, width: int = 8, layers: int | None = None, **rest: object) -> SupernetSpec:
    layers = layers or {"darts": 3, "nas-bench-201": 1}[space.name]
    return SupernetSpec(space, space.plan(in_channels=1, num_classes=3, init_channels=width, layers=layers), **rest)


def build(spec: SupernetSpec, seed: int = 0) -> ReferenceSupernet:
    """A supernet in float64, norms and averages random as well."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        supernet = ReferenceSupernet(spec).double()
        for tensor in supernet.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5) if tensor.dim() == 1 else tensor.normal_()
    return supernet


def carried(old: ReferenceSupernet, new: ReferenceSupernet, seed: int = 5) -> dict[str, Tensor]:
    return carry_weights(old.state_dict(), new.state_dict(), seeded(seed))


def channel_map(old: int, new: int, seed: int = 5) -> Tensor:
    """The choice of channels, read off a tensor that holds its own channel numbers."""
    return carry_weights({"x": torch.arange(old)}, {"x": torch.zeros(new, dtype=torch.int64)}, seeded(seed))["x"]


def partial(space: SearchSpace, share: int, norm: Norm = LEARNED) -> SupernetSpec:
    mixing = Mixing(channel_share=share, auxiliary_skip=True, attention=("nor_conv_1x1",))
    return spec_of(space, mixing=mixing, norm=norm)


@cache
def widened(space: SearchSpace, norm: Norm = LEARNED) -> tuple[ReferenceSupernet, ReferenceSupernet]:
    """A supernet with a quarter of its channels in operations, and one with half of them that took its weights."""
    narrow, wide = build(partial(space, 4, norm)), build(partial(space, 2, norm), seed=1)
    wide.load_state_dict(carried(narrow, wide))
    return narrow.eval(), wide.eval()


def images(channels: int, side: int = 7) -> Tensor:
    return torch.randn(3, channels, side, side, dtype=torch.float64, generator=seeded(1))


def op_of(supernet: ReferenceSupernet, block: int, row: int, name: str) -> nn.Module:
    cell = supernet.backbone.blocks[block]
    assert isinstance(cell, MixedCell)
    return cell.ops_of(row, None)[name]


# Carrying


@every_space
def test_the_same_spec_takes_every_weight(space: SearchSpace) -> None:
    old, new = build(spec_of(space)), build(spec_of(space), seed=1)
    taken = carried(old, new)
    assert list(taken) == list(new.state_dict())
    assert all(torch.equal(value, taken[name]) for name, value in old.state_dict().items())


@given(old=st.integers(1, 9), new=st.integers(1, 20), seed=st.integers(0, 2**31))
def test_old_channels_come_first_and_new_ones_are_copies(old: int, new: int, seed: int) -> None:
    chosen = channel_map(old, new, seed)
    assert chosen[:old].tolist() == list(range(min(old, new)))
    assert set(chosen.tolist()) <= set(range(old))


def test_new_channels_are_drawn_evenly() -> None:
    counts = sum(channel_map(4, 8, seed)[4:].bincount(minlength=4) for seed in range(100))
    # 400 draws of 4 channels: a count deviates by 9; five deviations keep a fixed seed safe.
    assert (counts - 100).abs().max() < 45


def test_widening_has_exact_values() -> None:
    chosen = channel_map(2, 4)
    source = {
        "depthwise": torch.tensor([1.0, 2.0]).view(2, 1, 1, 1),
        "pointwise": torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(2, 2, 1, 1),
        "projection": torch.tensor([[1.0, 2.0, 3.0]] * 2).view(2, 3, 1, 1),
        "count": torch.tensor(7),
    }
    target = {
        "depthwise": torch.zeros(4, 1, 1, 1),
        "pointwise": torch.zeros(4, 4, 1, 1),
        "projection": torch.zeros(4, 3, 1, 1),
        "count": torch.tensor(0),
    }
    taken = carry_weights(source, target, seeded())
    picks = chosen.tolist()
    assert taken["depthwise"].flatten().tolist() == [[1.0, 2.0][i] for i in picks]
    assert taken["pointwise"][:, :, 0, 0].tolist() == [[[[1.0, 2.0], [3.0, 4.0]][i][j] for j in picks] for i in picks]
    assert taken["projection"][:, :, 0, 0].tolist() == [[1.0, 2.0, 3.0]] * 4
    assert taken["count"] == 7


def test_narrowing_keeps_the_first_channels() -> None:
    source = {"weight": torch.arange(24.0).view(4, 3, 1, 2)}
    taken = carry_weights(source, {"weight": torch.zeros(2, 2, 1, 2)}, seeded())
    assert torch.equal(taken["weight"], source["weight"][:2, :2])


def test_what_is_carried_has_the_type_of_the_target_and_memory_of_its_own() -> None:
    source = {"same": torch.ones(2, requires_grad=True)}
    target = {"same": torch.zeros(2, dtype=torch.float64), "own": torch.zeros(2, requires_grad=True)}
    taken = carry_weights(source, target, seeded())
    for value in taken.values():
        assert not value.requires_grad
        value += 1
    assert taken["same"].dtype == torch.float64
    assert source["same"].tolist() == [1, 1]
    assert target["own"].tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(2, 2, 5, 5), (2, 2)])
def test_another_kernel_under_the_same_name_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"'weight' has the shape \(2, 2, 3, 3\) .* and \(2, 2.* another name"):
        carry_weights({"weight": torch.zeros(2, 2, 3, 3)}, {"weight": torch.zeros(shape)}, seeded())


@every_space
def test_partial_channels_change_the_operations_of_edges_and_nothing_else(space: SearchSpace) -> None:
    narrow, wide = build(partial(space, 4)).state_dict(), build(partial(space, 2)).state_dict()
    assert narrow.keys() == wide.keys()
    parts = {name.split(".")[3] for name, value in narrow.items() if value.shape != wide[name].shape}
    assert parts == {"edges", "auxiliary", "attention"} - ({"auxiliary"} if space == NB201 else set())
    others = [name for name in narrow if not {"edges", "auxiliary", "attention"} & set(name.split("."))]
    assert all(narrow[name].shape == wide[name].shape for name in others)


def test_depthwise_kernels_and_norms_give_copied_channels_for_copied_channels() -> None:
    narrow, wide = widened(DARTS)
    for block, channels in ((0, 2), (1, 4)):
        x, chosen = images(channels), channel_map(channels, 2 * channels)
        for part in (1, 3):
            old, new = (op_of(supernet, block, 0, "dil_conv_5x5")[part] for supernet in (narrow, wide))
            torch.testing.assert_close(new(x[:, chosen]), old(x)[:, chosen])


def test_pointwise_sums_count_every_input_as_often_as_it_was_copied() -> None:
    narrow, wide = widened(DARTS)
    x, chosen = images(4), channel_map(4, 8)
    assert chosen.bincount(minlength=4).unique().numel() > 1
    old, new = (op_of(supernet, 1, 3, "dil_conv_3x3")[2] for supernet in (narrow, wide))
    copies = chosen.bincount(minlength=4).view(1, 4, 1, 1)
    torch.testing.assert_close(new(x[:, chosen]), old(x * copies)[:, chosen])


@pytest.mark.parametrize(
    ("space", "name", "stride"),
    [(DARTS, name, stride) for name in ("sep_conv_3x3", "dil_conv_5x5", "max_pool_3x3") for stride in (1, 2)]
    + [(NB201, name, 1) for name in ("nor_conv_3x3", "avg_pool_3x3", "skip_connect")],
    ids=lambda value: value.name if isinstance(value, SearchSpace) else str(value),
)
def test_equal_inputs_give_equal_outputs_in_every_operation(space: SearchSpace, name: str, stride: int) -> None:
    _, wide = widened(space)
    channels = 2 * stride
    chosen = channel_map(channels, 2 * channels)
    result = op_of(wide, stride - 1, 0, name)(images(channels)[:, chosen])
    torch.testing.assert_close(result, result[:, chosen])


def test_a_norm_undoes_the_growth_of_sums_where_all_channels_were_copied_equally_often() -> None:
    seed = next(seed for seed in range(99) if channel_map(2, 4, seed).bincount(minlength=2).tolist() == [2, 2])
    bare = Norm(affine=False, running=False)
    narrow, wide = build(partial(DARTS, 4, bare)), build(partial(DARTS, 2, bare), seed=1)
    wide.load_state_dict(carried(narrow, wide, seed))
    x, chosen = images(2), channel_map(2, 4, seed)
    old, new = (op_of(supernet, 0, 0, "sep_conv_5x5") for supernet in (narrow, wide))
    # The norms add 1e-5 to variances, which are at least 1 here and grow fourfold.
    torch.testing.assert_close(new(x[:, chosen]), old(x)[:, chosen], rtol=0, atol=1e-4)


def test_both_halves_of_a_factorised_reduction_are_widened_with_the_norm_behind_them() -> None:
    narrow, wide = widened(DARTS)
    x, chosen, half = images(4), channel_map(4, 8), channel_map(2, 4)
    copies = chosen.bincount(minlength=4).view(1, 4, 1, 1)
    old, new = (op_of(supernet, 1, 0, "skip_connect") for supernet in (narrow, wide))
    torch.testing.assert_close(new(x[:, chosen]), old(x * copies)[:, torch.cat([half, 2 + half])])


@every_space
def test_momentum_follows_the_choice_of_the_weights(space: SearchSpace) -> None:
    narrow, wide = build(partial(space, 4)), build(partial(space, 2), seed=1)
    weights = carry_weights(dict(narrow.named_parameters()), dict(wide.named_parameters()), seeded())
    # An operation that has had no gradient yet has no buffer; and order is no matter.
    names = [name for name in reversed(weights) if "sep_conv" not in name and "nor_conv_3x3" not in name]
    buffers = {name: 10 * narrow.get_parameter(name) for name in names}
    empty = {name: torch.zeros_like(wide.get_parameter(name)) for name in names}
    taken = carry_weights(buffers, empty, seeded())
    assert all(torch.equal(taken[name], 10 * weights[name]) for name in names)
    other = carry_weights(buffers, empty, seeded(6))
    assert not all(torch.equal(taken[name], other[name]) for name in names)


def test_a_call_takes_one_number_from_the_generator_whatever_is_carried() -> None:
    first, second = seeded(), seeded()
    carry_weights({}, {}, first)
    carry_weights({"x": torch.arange(3)}, {"x": torch.arange(9)}, second)
    assert torch.equal(first.get_state(), second.get_state())


@every_space
def test_pruned_operations_are_dropped_and_added_ones_keep_their_own_values(space: SearchSpace) -> None:
    ops = tuple(name for name in space.ops if "3x3" in name)
    full = spec_of(space)
    pruned = full.with_live({kind: (ops,) * len(space.cell.edges) for kind in space.cell_kinds})
    large, small = build(full).state_dict(), build(pruned, seed=1).state_dict()
    taken = carry_weights(large, small, seeded())
    assert taken.keys() == small.keys() < large.keys()
    assert all(torch.equal(taken[name], large[name]) for name in taken)
    for name, value in carry_weights(small, large, seeded()).items():
        assert torch.equal(value, small[name] if name in small else large[name])


def test_a_deeper_net_keeps_the_further_cells_of_its_own() -> None:
    old = build(spec_of(DARTS, layers=3)).state_dict()
    new = build(spec_of(DARTS, layers=4), seed=1).state_dict()
    taken = carry_weights(old, new, seeded())
    own = {name for name in taken if name.startswith("backbone.blocks.3.")}
    assert own == taken.keys() - old.keys()
    assert all(torch.equal(value, new[name] if name in own else old[name]) for name, value in taken.items())


@pytest.mark.parametrize(
    ("space", "old", "new"),
    [
        (DARTS, {"width": 4, "layers": 5}, {"width": 6, "layers": 8}),
        (DARTS, {"width": 6, "layers": 8}, {"width": 2, "layers": 3}),
        (DARTS, {"norm": LEARNED}, {"width": 12, "mixing": Mixing(channel_share=3)}),
        (NB201, {"width": 3, "layers": 2}, {"width": 5, "layers": 1, "norm": LEARNED}),
        (NB201, {"width": 4, "layers": 1}, {"width": 4, "layers": 3}),
    ],
)
def test_any_spec_takes_from_any_other_of_its_space(space: SearchSpace, old: dict, new: dict) -> None:
    target = build(spec_of(space, **new))
    target.load_state_dict(carried(build(spec_of(space, **old)), target))
    gates = {kind: torch.ones(shape, dtype=torch.float64) for kind, shape in target.spec.gate_shapes.items()}
    assert target(images(1), gates).isfinite().all()


# Paths

SEPARABLE = parse_genotype(
    "Genotype(normal=[('dil_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1), ('sep_conv_5x5', 2), "
    "('sep_conv_5x5', 0), ('dil_conv_5x5', 3), ('sep_conv_3x3', 3), ('skip_connect', 4)], "
    "normal_concat=range(2, 6), "
    "reduce=[('skip_connect', 0), ('skip_connect', 1), ('sep_conv_5x5', 0), ('dil_conv_3x3', 1), "
    "('dil_conv_5x5', 1), ('sep_conv_3x3', 2), ('skip_connect', 2), ('sep_conv_3x3', 3)], "
    "reduce_concat=range(2, 6))"
)
POOLING = parse_genotype(SEPARABLE.to_text().replace("sep_conv_3x3", "max_pool_3x3"))
EDGES = parse_genotype("|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|")
LOOSE = replace(EDGES, cells=(("cell", replace(EDGES["cell"], choices=EDGES["cell"].choices[::-2])),))


def one_hot(spec: SupernetSpec, genotype: Genotype) -> dict[str, Tensor]:
    gates = {kind: torch.zeros(shape, dtype=torch.float64) for kind, shape in spec.gate_shapes.items()}
    for kind, cell in genotype.cells:
        for row, edge in enumerate(spec.space.cell.edges):
            for choice in cell.choices:
                if (choice.target, choice.source) == (edge.target, edge.source):
                    gates[kind][row, spec.space.ops.index(choice.op)] = 1.0
    return gates


@pytest.mark.parametrize("genotype", [SEPARABLE, EDGES, LOOSE], ids=["darts", "nas-bench-201", "fewer edges"])
def test_a_network_on_the_weights_of_its_path_is_the_supernet_with_its_gates(genotype: Genotype) -> None:
    supernet = build(spec_of(get_space(genotype.space), width=4))
    network = Network(supernet.spec.space, genotype, supernet.spec.plan).double().train()
    network.load_state_dict(path_weights(supernet.state_dict(), supernet.spec, genotype), strict=False)
    torch.testing.assert_close(network(images(1)), supernet(images(1), one_hot(supernet.spec, genotype)))


@pytest.mark.parametrize("genotype", [SEPARABLE, POOLING, EDGES, LOOSE])
def test_a_supernet_whose_norms_learn_has_all_weights_of_the_network(genotype: Genotype) -> None:
    mixing = Mixing(auxiliary_skip=True, attention=("nor_conv_1x1",))
    supernet = build(spec_of(get_space(genotype.space), mixing=mixing, norm=LEARNED))
    network = Network(supernet.spec.space, genotype, supernet.spec.plan)
    network.load_state_dict(path_weights(supernet.state_dict(), supernet.spec, genotype), strict=True)


def attentive(genotype: Genotype) -> Genotype:
    """With every kind of attention in turn, and none after the first operation."""
    names = cycle(["", *ATTENTION])
    return replace(
        genotype,
        cells=tuple(
            (kind, replace(cell, choices=tuple(replace(each, attention=next(names)) for each in cell.choices)))
            for kind, cell in genotype.cells
        ),
    )


@pytest.mark.parametrize("genotype", [SEPARABLE, EDGES, LOOSE], ids=["darts", "nas-bench-201", "fewer edges"])
@pytest.mark.parametrize("norm", [SEARCH_NORM, LEARNED], ids=["search", "learned"])
def test_a_network_takes_the_attention_of_its_path_too(genotype: Genotype, norm: Norm) -> None:
    genotype = attentive(genotype)
    mixing = Mixing(attention=("skip_connect", *ATTENTION))
    spec = spec_of(get_space(genotype.space), width=4, mixing=mixing, norm=norm)
    supernet = build(replace(spec, plan=spec.plan.for_images((7, 7))))
    network = Network(supernet.spec.space, genotype, supernet.spec.plan).double().train()
    weights = path_weights(supernet.state_dict(), supernet.spec, genotype)
    network.load_state_dict(weights, strict=norm == LEARNED)
    gates = one_hot(supernet.spec, genotype)
    for kind, cell in genotype.cells:
        attention = torch.zeros(len(supernet.spec.space.cell.edges), 7, dtype=torch.float64)
        attention[:, 0] = 1.0
        for row, edge in enumerate(supernet.spec.space.cell.edges):
            for choice in cell.choices:
                if choice.attention and (choice.target, choice.source) == (edge.target, edge.source):
                    attention[row] = torch.eye(7, dtype=torch.float64)[1 + ATTENTION.index(choice.attention)]
        gates[f"{kind}.attention"] = attention
    torch.testing.assert_close(network(images(1)), supernet(images(1), gates))


def test_attention_that_the_supernet_lacks_is_refused() -> None:
    genotype = parse_genotype("|none~0~cbam|+|none~0|none~1|+|none~0|none~1|none~2|")
    for has, mixing in (("none", Mixing()), ("bam, identity", Mixing(attention=("bam", "identity")))):
        with pytest.raises(GenotypeError, match=f"edge 0 -> 1 .* attention 'cbam', and this supernet has {has}"):
            path_weights({}, spec_of(NB201, mixing=mixing), genotype)


@pytest.mark.parametrize("genotype", [SEPARABLE, POOLING, EDGES, LOOSE])
def test_the_weights_of_a_path_lack_only_what_norms_start_with(genotype: Genotype) -> None:
    supernet = build(spec_of(get_space(genotype.space)))
    network = Network(supernet.spec.space, genotype, supernet.spec.plan)
    names = dict(network.state_dict())
    found = path_weights(supernet.state_dict(), supernet.spec, genotype)
    assert {name: value.shape for name, value in found.items()}.items() <= {
        name: value.shape for name, value in names.items()
    }.items()
    for name in names.keys() - found.keys():
        kind = name.rpartition(".")[2]
        start = {"weight": 1, "running_var": 1, "bias": 0, "running_mean": 0, "num_batches_tracked": 0}[kind]
        assert names[name].dim() < 2
        assert (names[name] == start).all()


def test_a_normalized_operation_with_weights_takes_them_and_leaves_its_norm() -> None:
    space = replace(NB201, normalized_ops=frozenset({"nor_conv_1x1"}))
    supernet = build(spec_of(space, norm=LEARNED))
    found = path_weights(supernet.state_dict(), supernet.spec, EDGES)
    Network(space, EDGES, supernet.spec.plan).load_state_dict(found, strict=True)
    origin = supernet.state_dict()["backbone.blocks.0.edges.0.nor_conv_1x1.0.1.weight"]
    assert torch.equal(found["backbone.blocks.0.ops.0.1.weight"], origin)


def test_a_genotype_of_another_space_is_refused() -> None:
    with pytest.raises(GenotypeError, match="belongs to the space 'darts' and the supernet to 'nas-bench-201'; take"):
        path_weights({}, spec_of(NB201), SEPARABLE)


def test_a_genotype_that_is_no_architecture_of_the_space_is_refused() -> None:
    with pytest.raises(GenotypeError, match="edge 0 -> 1 of the cell uses 'conv'"):
        path_weights({}, spec_of(NB201), parse_genotype("|conv~0|+|none~0|none~1|+|none~0|none~1|none~2|"))


def test_an_operation_that_is_not_live_is_refused() -> None:
    live = [("none", "nor_conv_1x1")] + [NB201.ops] * 4 + [()]
    spec = spec_of(NB201).with_live({"cell": live})
    with pytest.raises(GenotypeError, match=r"edge 2 -> 3 .* 'skip_connect', which .* not have there: it has none\.$"):
        path_weights({}, spec, EDGES)
    other = parse_genotype(EDGES.to_text().replace("nor_conv_1x1", "skip_connect"))
    with pytest.raises(GenotypeError, match=r"edge 0 -> 1 .* 'skip_connect', .*: it has none, nor_conv_1x1\.$"):
        path_weights({}, spec, other)


def test_partial_channels_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"read 1/4 of the channels .* channel_share of 1\.$"):
        path_weights({}, spec_of(NB201, mixing=Mixing(channel_share=4)), EDGES)


def test_a_genotype_that_has_lost_nodes_is_refused() -> None:
    cells = "normal=[('skip_connect', 0, 3)], normal_concat=[3], reduce=[('skip_connect', 1, 2)], reduce_concat=[2]"
    with pytest.raises(GenotypeError, match=r"the normal cell joins 1 of 4 nodes, so the weights after"):
        path_weights({}, spec_of(DARTS), parse_genotype(f"Genotype({cells})"))
