"""Dropout behind identities, by the reference."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dartboard.space import get_space
from dartboard.space.features import Features
from dartboard.supernet import Mixing, ReferenceSupernet, SkipDropout, SupernetSpec

DARTS = get_space("darts")
IDENTITIES = replace(get_space("nas-bench-201"), ops=("skip_connect",))
POOLINGS = replace(get_space("nas-bench-201"), ops=("avg_pool_3x3",))


def build(space=IDENTITIES, mixing: Mixing | None = None, layers: int = 1) -> ReferenceSupernet:
    plan = space.plan(in_channels=1, num_classes=3, init_channels=4, layers=layers)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ReferenceSupernet(SupernetSpec(space, plan, mixing or Mixing())).double()


def images(batch: int = 4) -> Tensor:
    return torch.randn(batch, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def whole(x: Tensor | Features) -> Tensor:
    return Features.of(x).whole


def first_cell(supernet: ReferenceSupernet, gates: Mapping[str, Tensor], dropout: SkipDropout | None) -> list[Tensor]:
    """What goes into the first cell and what comes out."""
    seen: list[Tensor] = []
    block = supernet.backbone.blocks[0]
    handle = block.register_forward_hook(
        lambda _module, given, output: seen.extend([whole(given[0][0]), whole(output)])
    )
    supernet(images(64), gates, skip_dropout=dropout)
    handle.remove()
    return seen


def test_single_values_are_dropped_and_the_others_scaled_so_that_the_expectation_stays() -> None:
    gates = torch.zeros(6, 1, dtype=torch.float64)
    gates[3] = 1.0  # the edge from the input to the last node, alone
    x, output = first_cell(build(), {"cell": gates}, SkipDropout(0.4, seed=0))
    kept = output != 0
    torch.testing.assert_close(output[kept], x[kept] / 0.6)
    # 16,384 values: three standard errors are 1.1 %.
    assert kept.double().mean().item() == pytest.approx(0.6, abs=0.0115)
    some = kept.double().mean(dim=(2, 3))
    assert ((some > 0) & (some < 1)).all(), "no map is dropped as a whole"


def kept_share(supernet: ReferenceSupernet, edges: list[int]) -> float:
    """How much of the input is left behind the last cell, when only these edges let anything through."""
    outputs: list[Tensor] = []
    supernet.backbone.blocks[-1].register_forward_hook(lambda _module, _given, output: outputs.append(whole(output)))
    gates = torch.zeros(6, 1, dtype=torch.float64)
    gates[edges] = 1.0
    supernet(images(), {"cell": gates}, skip_dropout=SkipDropout(0.5, seed=0))
    return (outputs[0] != 0).double().mean().item()


def test_every_edge_drops_other_values() -> None:
    # 1,024 values through one edge, or through two in a row: the deviation is 1.6 %. One mask twice would leave half.
    assert kept_share(build(), [3]) == pytest.approx(0.5, abs=0.05)
    assert kept_share(build(), [1, 5]) == pytest.approx(0.25, abs=0.05)


def test_every_cell_drops_other_values() -> None:
    supernet = build(layers=2)
    blocks = supernet.backbone.blocks
    supernet.backbone.blocks = torch.nn.ModuleList([blocks[0], blocks[1]])
    supernet.backbone.classifier = torch.nn.Linear(4, 3).double()
    supernet.backbone.head = torch.nn.Identity()
    assert kept_share(supernet, [3]) == pytest.approx(0.25, abs=0.05)


def test_equal_seeds_drop_equal_values_and_the_global_generator_rests() -> None:
    supernet, gates = build(), {"cell": torch.ones(6, 1, dtype=torch.float64)}
    before = torch.get_rng_state()
    one, again, other = (supernet(images(), gates, skip_dropout=SkipDropout(0.4, seed)) for seed in (7, 7, 8))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_dropped_without_being_asked_for_nor_with_a_probability_of_zero() -> None:
    supernet, gates = build(), {"cell": torch.ones(6, 1, dtype=torch.float64)}
    plain = supernet(images(), gates)
    assert torch.equal(supernet.eval()(images(), gates), plain)
    assert torch.equal(supernet(images(), gates, skip_dropout=SkipDropout(0.0, 0)), plain)


def test_operations_that_are_no_identities_keep_all_values() -> None:
    poolings = build(POOLINGS)
    gates = {"cell": torch.ones(6, 1, dtype=torch.float64)}
    assert torch.equal(poolings(images(), gates, skip_dropout=SkipDropout(0.4, 0)), poolings(images(), gates))
    attended = build(POOLINGS, Mixing(auxiliary_skip=True, attention=("skip_connect",)))
    gates |= {"cell.auxiliary": torch.ones(6), "cell.attention": torch.ones(6, 1)}
    assert torch.equal(attended(images(), gates, skip_dropout=SkipDropout(0.4, 0)), attended(images(), gates))


def test_in_a_reduction_cell_only_the_edges_between_nodes_drop() -> None:
    supernet = build(DARTS, layers=3)
    reduction = supernet.backbone.blocks[1]
    skip = DARTS.ops.index("skip_connect")
    gates = {kind: torch.zeros(14, 8, dtype=torch.float64) for kind in DARTS.cell_kinds}
    from_inputs = torch.tensor([edge.source < 2 for edge in DARTS.cell.edges])
    seen: list[Tensor] = []
    reduction.register_forward_hook(lambda _module, _given, output: seen.append(output))
    for rows in (from_inputs, torch.ones(14, dtype=torch.bool)):
        gates["reduce"][rows, skip] = 1.0
        seen.clear()
        for dropout in (None, SkipDropout(0.4, 0)):
            supernet(images(), gates, skip_dropout=dropout)
        assert torch.equal(*seen) == (rows is from_inputs)
