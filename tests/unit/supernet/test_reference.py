from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from dartboard.space import Genotype, Network, SearchSpace, get_space, parse_genotype
from dartboard.supernet import ReferenceSupernet, SupernetSpec, path_weights

DARTS = get_space("darts")
NB201 = get_space("nas-bench-201")
Gates = dict[str, Tensor]
every_space = pytest.mark.parametrize("space", [DARTS, NB201], ids=lambda space: space.name)


def build(space: SearchSpace) -> ReferenceSupernet:
    """A tiny supernet in float64 with random weights."""
    plan = space.plan(in_channels=1, num_classes=3, init_channels=2, layers=3 if space.name == "darts" else 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ReferenceSupernet(SupernetSpec(space, plan)).double()


def images(side: int = 9) -> Tensor:
    return torch.randn(4, 1, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def random_gates(supernet: ReferenceSupernet, seed: int = 2) -> Gates:
    generator = torch.Generator().manual_seed(seed)
    return {
        kind: torch.randn(shape, dtype=torch.float64, generator=generator).softmax(-1)
        for kind, shape in supernet.spec.gate_shapes.items()
    }


def one_hot(supernet: ReferenceSupernet, column: int) -> Gates:
    gates = {kind: torch.zeros(shape, dtype=torch.float64) for kind, shape in supernet.spec.gate_shapes.items()}
    for rows in gates.values():
        rows[:, column] = 1.0
    return gates


def loss(supernet: ReferenceSupernet, gates: Mapping[str, Tensor]) -> Tensor:
    return nn.functional.cross_entropy(supernet(images(), gates), torch.tensor([0, 1, 2, 0]))


def test_gates_have_a_row_for_every_edge_and_a_column_for_every_operation() -> None:
    assert build(DARTS).spec.gate_shapes == {"normal": (14, 8), "reduce": (14, 8)}
    assert build(NB201).spec.gate_shapes == {"cell": (6, 5)}


@every_space
@pytest.mark.parametrize("side", [7, 8])
def test_images_and_gates_give_logits(space: SearchSpace, side: int) -> None:
    supernet = build(space)
    logits = supernet(images(side), random_gates(supernet))
    assert logits.shape == (4, 3)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("space", "column"),
    [(space, column) for space in (DARTS, NB201) for column in range(len(space.ops))],
    ids=lambda value: value.name if isinstance(value, SearchSpace) else None,
)
def test_one_hot_gates_leave_the_chosen_operation_alone(space: SearchSpace, column: int) -> None:
    full = build(space)
    alone = build(replace(space, ops=(space.ops[column],)))
    alone.load_state_dict({name: value for name, value in full.state_dict().items() if name in alone.state_dict()})
    torch.testing.assert_close(full(images(), one_hot(full, column)), alone(images(), one_hot(alone, 0)))


def architectures() -> list[Genotype]:
    """One of each space; of DARTS without poolings, which only a supernet follows with a norm."""
    darts = (
        "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('sep_conv_5x5', 0), "
        "('dil_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_3x3', 4), ('sep_conv_3x3', 2)], "
        "normal_concat=range(2, 6), "
        "reduce=[('skip_connect', 0), ('sep_conv_5x5', 1), ('dil_conv_3x3', 2), ('skip_connect', 1), "
        "('skip_connect', 3), ('skip_connect', 2), ('dil_conv_5x5', 0), ('sep_conv_3x3', 4)], "
        "reduce_concat=range(2, 6))"
    )
    nb201 = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    return [parse_genotype(darts), parse_genotype(nb201)]


@pytest.mark.parametrize("genotype", architectures(), ids=lambda genotype: genotype.space)
def test_gates_of_an_architecture_compute_its_discrete_network(genotype: Genotype) -> None:
    space = get_space(genotype.space)
    supernet = build(space)
    network = Network(space, genotype, supernet.spec.plan).double()
    gates = {kind: torch.zeros_like(rows) for kind, rows in random_gates(supernet).items()}
    rows = {(edge.target, edge.source): row for row, edge in enumerate(space.cell.edges)}
    for kind, cell in genotype.cells:
        for choice in cell.choices:
            gates[kind][rows[choice.target, choice.source], space.ops.index(choice.op)] = 1.0
    weights = path_weights(supernet.state_dict(), supernet.spec, genotype)
    # What the network has beyond the supernet are norms' scales of one and shifts of zero, and running averages.
    lacking = network.load_state_dict(weights, strict=False)
    assert not lacking.unexpected_keys
    assert all(network.state_dict()[name].dim() < 2 for name in lacking.missing_keys)
    torch.testing.assert_close(network(images()), supernet(images(), gates))


@every_space
def test_zero_gates_leave_the_bias_of_the_classifier(space: SearchSpace) -> None:
    supernet = build(space)
    gates = {kind: torch.zeros(shape, dtype=torch.float64) for kind, shape in supernet.spec.gate_shapes.items()}
    torch.testing.assert_close(supernet(images(), gates), supernet.backbone.classifier.bias.expand(4, 3))


@every_space
def test_gradients_of_all_gates_are_those_of_finite_differences(space: SearchSpace) -> None:
    supernet = build(space)
    gates = {kind: rows.requires_grad_() for kind, rows in random_gates(supernet).items()}
    gradients = torch.autograd.grad(loss(supernet, gates), list(gates.values()))
    generator, step = torch.Generator().manual_seed(3), 1e-6
    for kind, gradient in zip(gates, gradients, strict=True):
        direction = torch.randn(gradient.shape, dtype=torch.float64, generator=generator)
        with torch.no_grad():
            ahead = loss(supernet, gates | {kind: gates[kind] + step * direction})
            behind = loss(supernet, gates | {kind: gates[kind] - step * direction})
        slope = (ahead - behind) / (2 * step)
        # Central differences of step 1e-6 leave about 1e-10 of rounding; max pooling and ReLU have no kink nearby.
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-9)


@every_space
def test_the_gate_of_none_has_no_gradient_and_no_effect(space: SearchSpace) -> None:
    supernet = build(space)
    none = space.ops.index("none")
    gates = {kind: rows.requires_grad_() for kind, rows in random_gates(supernet).items()}
    for gradient in torch.autograd.grad(loss(supernet, gates), list(gates.values())):
        assert gradient[:, none].abs().sum() == 0
        others = [column for column in range(len(space.ops)) if column != none]
        assert gradient[:, others].abs().sum(0).gt(0).all()


def test_with_two_equal_alphas_the_gradient_is_a_quarter_of_the_difference_of_the_outputs() -> None:
    space = replace(NB201, ops=("nor_conv_3x3", "avg_pool_3x3"))
    supernet = build(space)
    alpha = torch.zeros(6, 2, dtype=torch.float64, requires_grad=True)
    cell = supernet.backbone.blocks[0]
    outputs: dict[int, Tensor] = {}
    for column, op in enumerate(cell.edges[5].values()):
        op.register_forward_hook(lambda _module, _inputs, output, column=column: outputs.update({column: output}))
    nodes: list[Tensor] = []
    cell.register_forward_hook(lambda _module, _inputs, output: nodes.append(output))
    # One cell kind feeds all cells; only the first is given alpha, so that its edge is the only path.
    blocks = list(supernet.backbone.blocks)
    for block in (blocks[2], blocks[4]):
        block.forward = lambda inputs, call, block=block: type(block).forward(
            block, inputs, call._replace(gates={kind: rows.detach() for kind, rows in call.gates.items()})
        )
    value = loss(supernet, {"cell": alpha.softmax(-1)})
    at_node, at_alpha = torch.autograd.grad(value, [nodes[0], alpha])
    difference = (at_node * (outputs[0] - outputs[1])).sum() / 4
    torch.testing.assert_close(at_alpha[5], torch.stack([difference, -difference]))


@every_space
def test_evaluation_is_training_since_batch_statistics_serve_always(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    trained = supernet.train()(images(), gates)
    assert torch.equal(supernet.eval()(images(), gates), trained)
    assert not list(supernet.buffers())


@every_space
def test_a_forward_pass_leaves_weights_and_gates_as_they_were(space: SearchSpace) -> None:
    supernet = build(space)
    gates = random_gates(supernet)
    before = [value.clone() for value in (*supernet.state_dict().values(), *gates.values())]
    supernet(images(), gates)
    after = [*supernet.state_dict().values(), *gates.values()]
    assert all(torch.equal(left, right) for left, right in zip(before, after, strict=True))


def test_normal_and_reduction_cells_follow_their_own_gates() -> None:
    supernet = build(DARTS)
    gates = random_gates(supernet)
    swapped = {"normal": gates["reduce"], "reduce": gates["normal"]}
    assert not torch.allclose(supernet(images(), gates), supernet(images(), swapped))
    assert [block.kind for block in supernet.backbone.blocks] == ["normal", "reduce", "reduce"]


def test_cells_learn_no_scale_or_shift_but_stem_and_residual_blocks_do() -> None:
    supernet = build(NB201)
    learning = {
        name.split(".")[1] + "." + name.split(".")[2]
        for name, module in supernet.named_modules()
        if isinstance(module, nn.BatchNorm2d) and module.affine
    }
    assert learning == {"stem.norm", "blocks.1", "blocks.3", "head.0"}


def test_poolings_alone_are_followed_by_a_norm() -> None:
    edge = build(DARTS).backbone.blocks[0].edges[0]
    normed = [
        op
        for op, module in edge.items()
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d)
    ]
    assert normed == ["max_pool_3x3", "avg_pool_3x3"]
