"""What the optional gates and the choice of active operations mean, by the reference."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dartboard.space import ATTENTION, CellPlace, CellTopology, SearchSpace, get_space
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec
from dartboard.supernet.mixing import join_channels
from dartboard.supernet.reference import MixedCell, SupernetCall

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")
Gates = dict[str, Tensor]
every_space = pytest.mark.parametrize("space", [DARTS, NB201], ids=lambda space: space.name)


def build(space: SearchSpace, mixing: Mixing | None = None, *, width: int = 4) -> ReferenceSupernet:
    """A tiny supernet in float64 with random weights."""
    layers = 3 if space.name == "darts" else 1
    plan = space.plan(in_channels=1, num_classes=3, init_channels=width, layers=layers, image_size=(9, 9))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ReferenceSupernet(SupernetSpec(space, plan, mixing or Mixing())).double()


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


IMAGES = normal(4, 1, 9, 9)


def random_gates(supernet: ReferenceSupernet, seed: int = 2) -> Gates:
    return {
        kind: normal(*shape, seed=seed + number)
        for number, (kind, shape) in enumerate(supernet.spec.gate_shapes.items())
    }


def for_every_kind(supernet: ReferenceSupernet, part: str, gate: Tensor) -> Gates:
    return {f"{kind}.{part}": gate for kind in supernet.spec.space.cell_kinds}


def num_edges(supernet: ReferenceSupernet) -> int:
    return len(supernet.spec.space.cell.edges)


@every_space
def test_running_one_operation_an_edge_is_a_gate_of_zero_for_all_others(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    edges, columns = space.alpha_shape
    active = {kind: [[(row + number) % columns] for row in range(edges)] for number, kind in enumerate(gates)}
    masked = {kind: torch.zeros_like(gate) for kind, gate in gates.items()}
    for kind, chosen in active.items():
        for row, (column,) in enumerate(chosen):
            masked[kind][row, column] = gates[kind][row, column]
    torch.testing.assert_close(supernet(IMAGES, gates, active), supernet(IMAGES, masked))


@every_space
def test_operations_that_are_not_active_are_not_computed(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    skip = space.ops.index("skip_connect")
    ran: set[str] = set()
    for name, module in supernet.named_modules():
        op = name.rpartition(".")[2]
        if ".edges." in name and op in space.ops:
            module.register_forward_hook(lambda _module, _inputs, _output, op=op: ran.add(op))
    edges, _ = space.alpha_shape
    supernet(IMAGES, gates, {kind: [[skip]] * edges for kind in gates})
    assert ran == {"skip_connect"}
    supernet(IMAGES, gates)
    assert ran == set(space.ops)


@every_space
def test_all_operations_active_is_the_default(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    edges, columns = space.alpha_shape
    every = {kind: [list(range(columns))] * edges for kind in gates}
    assert torch.equal(supernet(IMAGES, gates, every), supernet(IMAGES, gates))


@every_space
def test_the_columns_of_operations_that_an_edge_lacks_are_ignored(space: SearchSpace) -> None:
    whole = build(space)
    edges, columns = space.alpha_shape
    live = {
        kind: [[name for column, name in enumerate(space.ops) if (row + column) % 3] for row in range(edges)]
        for kind in space.cell_kinds
    }
    pruned = ReferenceSupernet(whole.spec.with_live(live)).double()
    pruned.load_state_dict({name: value for name, value in whole.state_dict().items() if name in pruned.state_dict()})
    gates = random_gates(whole)
    missing = torch.tensor([[(row + column) % 3 == 0 for column in range(columns)] for row in range(edges)])
    masked = {kind: gate.masked_fill(missing, 0.0) for kind, gate in gates.items()}
    wild = {kind: gate.masked_fill(missing, float("nan")) for kind, gate in gates.items()}
    torch.testing.assert_close(pruned(IMAGES, wild), whole(IMAGES, masked))


@every_space
def test_the_gate_of_an_edge_multiplies_the_gates_of_its_operations(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    weights = normal(num_edges(supernet), seed=7)
    multiplied = {kind: weights[:, None] * gate for kind, gate in gates.items()}
    found = supernet(IMAGES, gates | for_every_kind(supernet, "edges", weights))
    torch.testing.assert_close(found, supernet(IMAGES, multiplied))


@every_space
def test_the_gate_of_an_edge_multiplies_auxiliary_skips_and_offsets_too(space: SearchSpace) -> None:
    supernet = build(space, Mixing(auxiliary_skip=True))
    gates = random_gates(supernet)
    weights, auxiliary, offset = (normal(num_edges(supernet), seed=seed) for seed in (7, 8, 9))
    parts = {"edges": weights, "auxiliary": auxiliary, "offset": offset}
    for part, gate in parts.items():
        gates |= for_every_kind(supernet, part, gate)
    multiplied = {
        name: gate if name.endswith(".edges") else (weights[:, None] if gate.dim() == 2 else weights) * gate
        for name, gate in gates.items()
    }
    without = {name: gate for name, gate in multiplied.items() if not name.endswith(".edges")}
    torch.testing.assert_close(supernet(IMAGES, gates), supernet(IMAGES, without))


@every_space
def test_gates_of_edges_that_all_images_share_may_be_given_for_each_image(space: SearchSpace) -> None:
    supernet = build(space, Mixing(channel_share=2))
    gates = random_gates(supernet)
    weights = normal(num_edges(supernet), seed=7)
    together = supernet(IMAGES, gates | for_every_kind(supernet, "edges", weights))
    apart = supernet(IMAGES, gates | for_every_kind(supernet, "edges", weights.repeat(len(IMAGES), 1)))
    torch.testing.assert_close(apart, together)


def cell_output(supernet: ReferenceSupernet, gates: Gates) -> Tensor:
    """What the first cell gives."""
    seen: list[Tensor] = []
    handle = supernet.backbone.blocks[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    supernet(IMAGES, gates)
    handle.remove()
    return seen[0]


def test_a_zero_for_one_image_cuts_the_edges_for_that_image_alone() -> None:
    # Identities keep images apart, which batch norms would not.
    supernet = build(replace(NB201, ops=("skip_connect",)), Mixing(channel_share=2))
    gates = {"cell": torch.ones(6, 1, dtype=torch.float64)}
    weights = torch.ones(len(IMAGES), 6, dtype=torch.float64)
    whole = cell_output(supernet, gates | {"cell.edges": weights})
    weights = weights.index_fill(0, torch.tensor([2]), 0.0)
    cut = cell_output(supernet, gates | {"cell.edges": weights})
    assert cut[2].abs().sum() == 0
    assert torch.equal(cut[[0, 1, 3]], whole[[0, 1, 3]])


@every_space
@pytest.mark.parametrize("share", [1, 2])
def test_the_gradient_of_an_offset_is_the_sum_of_the_gradient_at_the_mixed_channels_of_its_node(
    space: SearchSpace, share: int
) -> None:
    supernet = build(space, Mixing(channel_share=share))
    place = supernet.spec.plan.places[0]
    assert isinstance(place, CellPlace)
    offset = torch.zeros(num_edges(supernet), dtype=torch.float64, requires_grad=True)
    gates = random_gates(supernet) | for_every_kind(supernet, "offset", offset)
    inputs = [normal(2, channels, 5, 5, seed=4) for channels in place.input_channels]
    output = supernet.backbone.blocks[0](inputs, SupernetCall(gates, None))
    at_output = normal(*output.shape, seed=3)
    (found,) = torch.autograd.grad((output * at_output).sum(), [offset])
    # The last node feeds no other: its state is the last channels of the output, every `share`-th of them mixed.
    wanted = at_output[:, -place.channels :][:, ::share].sum()
    rows = list(space.cell.incoming(space.cell.nodes[-1]))
    torch.testing.assert_close(found[rows], wanted.expand(len(rows)))


@every_space
def test_an_offset_of_zero_changes_nothing_and_has_a_gradient_without_any_operation(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    edges = num_edges(supernet)
    zeros = torch.zeros(edges, dtype=torch.float64, requires_grad=True)
    offsets = for_every_kind(supernet, "offset", zeros)
    skip = space.ops.index("skip_connect")
    active = {kind: [[skip] if row else [] for row in range(edges)] for kind in gates}
    logits = supernet(IMAGES, gates | offsets, active)
    torch.testing.assert_close(logits, supernet(IMAGES, gates, active))
    (gradient,) = torch.autograd.grad((logits * normal(4, 3)).sum(), [zeros])
    assert gradient[0] != 0


@every_space
def test_an_auxiliary_skip_adds_to_the_gate_of_a_skip_connection_of_the_same_weights(space: SearchSpace) -> None:
    helped = build(space, Mixing(auxiliary_skip=True))
    alone = build(space)
    weights = alone.state_dict()
    doubled = {}
    for name in (name for name in helped.state_dict() if ".auxiliary." in name):
        block, _, rest = name.partition(".auxiliary.")
        row, _, inside = rest.partition(".")
        doubled[name] = weights[f"{block}.edges.{row}.skip_connect.{inside}"]
    helped.load_state_dict(weights | doubled)
    gates, auxiliary = random_gates(helped), normal(num_edges(helped), seed=8)
    summed = {kind: gate.clone() for kind, gate in gates.items()}
    for gate in summed.values():
        gate[:, space.ops.index("skip_connect")] += auxiliary
    found = helped(IMAGES, gates | for_every_kind(helped, "auxiliary", auxiliary))
    torch.testing.assert_close(found, alone(IMAGES, summed))


@every_space
def test_attention_by_identity_multiplies_the_edge_by_its_gate(space: SearchSpace) -> None:
    attentive = build(space, Mixing(attention=("skip_connect", "none")))
    alone = build(space)
    attentive.load_state_dict(alone.state_dict())
    gates, attention = random_gates(alone), normal(num_edges(alone), 2, seed=8)
    found = attentive(IMAGES, gates | for_every_kind(attentive, "attention", attention))
    wanted = alone(IMAGES, gates | for_every_kind(alone, "edges", attention[:, 0]))
    torch.testing.assert_close(found, wanted)


@every_space
def test_attention_by_the_identity_alone_is_the_supernet_without_attention(space: SearchSpace) -> None:
    attentive, alone = build(space, Mixing(attention=ATTENTION)), build(space)
    attentive.load_state_dict(alone.state_dict(), strict=False)
    gates, first = random_gates(alone), torch.zeros(num_edges(alone), len(ATTENTION), dtype=torch.float64)
    first[:, 0] = 1.0
    found = attentive(IMAGES, gates | for_every_kind(attentive, "attention", first))
    torch.testing.assert_close(found, alone(IMAGES, gates))


def test_gather_excite_has_a_weight_for_each_pixel_of_its_cells_maps() -> None:
    spec = SupernetSpec(DARTS, DARTS.plan(in_channels=1, num_classes=3, init_channels=4, layers=3, image_size=(9, 6)))
    supernet = ReferenceSupernet(replace(spec, mixing=Mixing(attention=("gather_excite",))))
    shapes = [
        value.shape[2:] for name, value in supernet.named_parameters() if name.endswith("0.gather_excite.gather.weight")
    ]
    assert shapes == [(9, 6)] * 2 + [(5, 3)] * 2 + [(3, 2)] * 2


def one_edge(mixing: Mixing) -> MixedCell:
    """A cell of one edge, which has a skip connection alone."""
    cell = CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None)
    space = replace(NB201, ops=("skip_connect",), cell=cell)
    supernet = build(space, mixing, width=8)
    found = supernet.backbone.blocks[0]
    assert isinstance(found, MixedCell)
    return found


def test_auxiliary_attention_offset_bypass_and_gate_of_the_edge_act_in_this_order() -> None:
    cell = one_edge(Mixing(channel_share=4, auxiliary_skip=True, attention=("avg_pool_3x3", "skip_connect")))
    x = normal(2, 8, 5, 6)
    numbers = {"cell": [[0.5]], "cell.auxiliary": [0.25], "cell.attention": [[2.0, -1.0]], "cell.offset": [3.0]}
    gates = {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
    mixed = (0.5 + 0.25) * x[:, :2]
    mixed = 2.0 * functional.avg_pool2d(mixed, 3, 1, 1, count_include_pad=False) - mixed + 3.0
    wanted = join_channels(mixed, x[:, 2:], 4)
    torch.testing.assert_close(cell([x], SupernetCall(gates, None)), wanted)
    for edges in (torch.tensor([-1.5]), torch.tensor([[-1.5], [0.5]])):
        factors = edges.double().flatten()[:, None, None, None]
        found = cell([x], SupernetCall(gates | {"cell.edges": edges.double()}, None))
        torch.testing.assert_close(found, factors * wanted)


@pytest.mark.parametrize("share", [1, 2, 4])
def test_identities_of_gate_one_permute_the_channels(share: int) -> None:
    cell = one_edge(Mixing(channel_share=share))
    x = torch.arange(8.0)[None, :, None, None].expand(1, 8, 3, 3)
    output = cell([x], SupernetCall({"cell": torch.ones(1, 1)}, None))
    order = output[0, :, 1, 1].tolist()
    assert sorted(order) == list(range(8))
    assert (order == list(range(8))) == (share == 1)
    assert torch.equal(output, x[:, [int(channel) for channel in order]])


def test_an_edge_without_operations_passes_on_only_the_channels_that_bypass_it() -> None:
    cell = one_edge(Mixing(channel_share=4))
    x = normal(2, 8, 5, 5)
    output = cell([x], SupernetCall({"cell": torch.ones(1, 1, dtype=torch.float64)}, {"cell": [[]]}))
    torch.testing.assert_close(output, join_channels(torch.zeros_like(x[:, :2]), x[:, 2:], 4))
