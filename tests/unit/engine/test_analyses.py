"""What analyses of a finished search are made of: names of edges, ranks, exchanges, and what measurements add up to."""

import copy
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dartboard.engine.finished.analyses.discretisation import Discretisation, find_edges, has_settled
from dartboard.engine.finished.analyses.exchanges import Exchange, edge_exchanges, exchanged, layer_exchanges
from dartboard.engine.finished.analyses.shuffling import Shuffling
from dartboard.engine.finished.analyses.strengths import agreement, ranks
from dartboard.errors import SettingsError
from dartboard.parts import Softmax
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import CellTopology, get_space
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec

DARTS, NB201, PROXYLESS = (get_space(name) for name in ("darts", "nas-bench-201", "proxyless"))


def make_supernet(
    name: str, layers: int, mixing: Mixing | None = None, kind: type[ReferenceSupernet] = FusedSupernet
) -> tuple[ReferenceSupernet, dict[str, Tensor], Tensor]:
    """A supernet with weights that all differ, gates of which no two are equal, and images."""
    space = get_space(name)
    plan = space.plan(in_channels=3, num_classes=4, init_channels=4, layers=layers, stem="cifar", image_size=(8, 8))
    torch.manual_seed(0)
    supernet = kind(SupernetSpec(space, plan, mixing or Mixing()))
    draw = torch.Generator().manual_seed(1)
    edges = len(space.cell.edges)
    gates = {kind: torch.rand(space.alpha_shape, generator=draw) for kind in space.cell_kinds}
    if mixing and mixing.auxiliary_skip:
        gates |= {f"{kind}.auxiliary": torch.rand(edges, generator=draw) for kind in space.cell_kinds}
        gates |= {f"{kind}.edges": torch.rand(edges, generator=draw) for kind in space.cell_kinds}
    return supernet, gates, torch.randn(4, 3, 8, 8, generator=draw)


def bits(supernet: torch.nn.Module) -> list[Tensor]:
    return [weight.clone() for weight in supernet.state_dict().values()]


@pytest.mark.parametrize("mixing", [None, Mixing(auxiliary_skip=True)])
@pytest.mark.parametrize("kind", [FusedSupernet, ReferenceSupernet])
def test_exchanged_edges_are_those_of_a_supernet_whose_modules_were_moved_by_hand(
    kind: type[ReferenceSupernet], mixing: Mixing | None
) -> None:
    supernet, gates, images = make_supernet("nas-bench-201", 2, mixing, kind)
    (group,) = edge_exchanges(supernet)
    assert len(group) == math.comb(6, 2)
    chosen = next(each for each in group if each.rows == (1, 5))
    moved = copy.deepcopy(supernet)  # before any call, after which cells know which modules they run
    before, plain = bits(supernet), supernet(images, gates)
    run, put = exchanged(supernet, gates, [chosen])
    for cell in (moved.backbone.blocks[index] for index in (0, 1, 3, 4, 6, 7)):
        for modules in (cell.edges, cell.auxiliary):
            if len(modules):
                modules[1], modules[5] = modules[5], modules[1]
    rows = [0, 5, 2, 3, 4, 1]
    by_hand = moved(images, {name: gate[rows] for name, gate in gates.items()})
    torch.testing.assert_close(run(images, put), by_hand, rtol=0, atol=0)
    assert not torch.allclose(by_hand, plain)
    assert all(map(torch.equal, bits(supernet), before))
    assert torch.equal(supernet(images, gates), plain)


def test_nothing_changes_where_something_changes_places_with_itself_or_twice() -> None:
    supernet, gates, images = make_supernet("nas-bench-201", 1)
    plain = supernet(images, gates)
    blocks = [f"backbone.blocks.{index}.edges.2." for index in (0, 2, 4)]
    itself = Exchange("itself", tuple((name, name) for name in blocks), ("cell", "cell"), (2, 2))
    there = edge_exchanges(supernet)[0][3]
    for exchanges in ([], [itself], [there, there]):
        run, put = exchanged(supernet, gates, exchanges)
        assert torch.equal(run(images, put), plain)


def test_only_edges_of_the_same_stride_change_places() -> None:
    supernet, _, _ = make_supernet("darts", 3)
    normal, reduction = edge_exchanges(supernet)
    assert len(normal) == math.comb(14, 2)
    # 8 edges of a reduction cell leave an input, with stride 2, and 6 do not.
    assert len(reduction) == math.comb(8, 2) + math.comb(6, 2)
    assert len(edge_exchanges(make_supernet("robust-s1", 3)[0])[0]) < math.comb(14, 2)
    # The operations of S4 have the same weights at either stride.
    assert len(edge_exchanges(make_supernet("robust-s4", 3)[0])[1]) == math.comb(8, 2) + math.comb(6, 2)


def test_auxiliary_skip_connections_with_weights_go_along() -> None:
    supernet, gates, images = make_supernet("darts", 3, Mixing(auxiliary_skip=True))
    moved = copy.deepcopy(supernet)
    chosen = next(each for each in edge_exchanges(supernet)[1] if each.rows == (0, 3))
    run, put = exchanged(supernet, gates, [chosen])
    for cell in (moved.backbone.blocks[index] for index in (1, 2)):
        for modules in (cell.edges, cell.auxiliary):
            modules[0], modules[3] = modules[3], modules[0]
    rows = [3, 1, 2, 0, *range(4, 14)]
    by_hand = {name: gate[rows] if name.startswith("reduce") else gate for name, gate in gates.items()}
    assert torch.equal(run(images, put), moved(images, by_hand))


def test_layers_change_places_within_their_stage() -> None:
    supernet, gates, images = make_supernet("nas-bench-201", 2)
    assert [[each.name for each in group] for group in layer_exchanges(supernet)] == [
        ["layers 1 and 2"], ["layers 4 and 5"], ["layers 7 and 8"],
    ]  # fmt: skip
    run, put = exchanged(supernet, gates, [layer_exchanges(supernet)[1][0]])
    moved = copy.deepcopy(supernet)
    blocks = moved.backbone.blocks
    blocks[3], blocks[4] = blocks[4], blocks[3]
    assert torch.equal(run(images, put), moved(images, gates))
    assert layer_exchanges(make_supernet("darts", 3)[0]) == []


def test_layers_with_gates_of_their_own_take_them_along() -> None:
    supernet, gates, images = make_supernet("proxyless", 21)
    groups = layer_exchanges(supernet)
    assert [len(group) for group in groups] == [3] * 5
    chosen = groups[2][1]
    assert chosen.kinds == ("stage-3-block-2", "stage-3-block-4")
    run, put = exchanged(supernet, gates, [chosen])
    moved, at = copy.deepcopy(supernet), [supernet.spec.space.cell_kinds.index(kind) for kind in chosen.kinds]
    blocks = moved.backbone.blocks
    blocks[at[0]], blocks[at[1]] = blocks[at[1]], blocks[at[0]]
    # A cell reads the gates of its own kind, so by hand it keeps them.
    assert torch.equal(run(images, put), moved(images, gates))


def test_a_space_of_single_edges_has_only_layers_to_shuffle() -> None:
    with pytest.raises(SettingsError, match="parts=layers"):
        Shuffling().refuse(PROXYLESS)
    Shuffling("layers").refuse(PROXYLESS)
    Shuffling().refuse(NB201)


def test_edges_go_by_kind_and_by_their_ends() -> None:
    assert find_edges("all", DARTS) == [(kind, row) for kind in ("normal", "reduce") for row in range(14)]
    assert find_edges("reduce:1-3, normal:0-2", DARTS) == [("normal", 0), ("reduce", 3)]
    assert find_edges(["0-2", "0-2"], DARTS) == [("normal", 0), ("reduce", 0)]
    assert find_edges("reduce", DARTS) == [("reduce", row) for row in range(14)]
    with pytest.raises(SettingsError, match=r"there is no edge '2-0' in the space darts.*as in normal:0-2"):
        find_edges("0-2,2-0", DARTS)


def test_rank_correlations_of_known_orders() -> None:
    kendall, spearman = agreement([1, 2, 3, 4], [10, 30, 20, 40])
    assert kendall == pytest.approx(2 / 3)
    assert spearman == pytest.approx(0.8)
    assert agreement([1.0, 2.0], [5.0, 3.0]) == (pytest.approx(-1), pytest.approx(-1))
    assert agreement([1.0, 1.0], [5.0, 3.0]) == (None, None)
    # One tie of three pairs: tau-b is 2 / sqrt(3 * 2).
    assert agreement([1, 2, 3], [1, 1, 2]).kendall == pytest.approx(2 / math.sqrt(6))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_a_rank_tells_how_many_are_stronger(strengths: list[int]) -> None:
    assert [sum(other > own for other in strengths) for own in strengths] == [rank - 1 for rank in ranks(strengths)]


def test_a_copy_has_settled_once_patience_has_run_out() -> None:
    rising = [0.1, 0.3, 0.2, 0.3, 0.3]
    assert [has_settled(rising[:count], 2) for count in range(6)] == [False] * 4 + [True, True]


def measured(edge: tuple[str, int, int], *table: tuple[str, float, float, float]) -> dict[str, dict[str, Any]]:
    kind, source, target = edge
    further = {"accuracy_at_once": 0.1, "epoch": 1, "epochs": 6, "settled": True}
    return {
        f"{kind}:{source}-{target} {name}": {
            "kind": kind, "source": source, "target": target, "operation": name, "accuracy": accuracy, "gate": gate,
            "accuracy_without": without, **further,
        }
        for name, accuracy, gate, without in table
    }  # fmt: skip


def test_the_measures_are_compared_edge_by_edge() -> None:
    findings = Discretisation().conclude(
        {
            "supernet": {"accuracy": 0.9},
            **measured(("normal", 0, 2), ("skip_connect", 0.6, 0.7, 0.5), ("sep_conv_3x3", 0.8, 0.3, 0.4)),
            **measured(("normal", 1, 2), ("skip_connect", 0.7, 0.6, 0.4), ("sep_conv_3x3", 0.6, 0.4, 0.4)),
            **measured(("reduce", 0, 2), ("max_pool_3x3", 0.5, 0.4, 0.4), ("sep_conv_3x3", 0.6, 0.6, 0.3)),
        }
    )
    assert findings["supernet_accuracy"] == 0.9
    assert [edge["preferred"] for edge in findings["edges"]] == [
        {"discretisation": "sep_conv_3x3", "gate": "skip_connect", "perturbation": "sep_conv_3x3"},
        {"discretisation": "skip_connect", "gate": "skip_connect", "perturbation": "skip_connect"},
        {"discretisation": "sep_conv_3x3", "gate": "sep_conv_3x3", "perturbation": "sep_conv_3x3"},
    ]
    assert findings["skips"] == {"discretisation": 1, "gate": 2, "perturbation": 1, "edges": 2}
    gate, perturbation = findings["agreement"]["gate"], findings["agreement"]["perturbation"]
    assert gate == {"kendall": pytest.approx(1 / 3), "spearman": pytest.approx(1 / 3), "same": 2, "edges": 3}
    # On the second edge perturbation tells nothing apart.
    assert perturbation == {"kendall": pytest.approx(1), "spearman": pytest.approx(1), "same": 3, "edges": 3}
    first = findings["edges"][0]["operations"][0]
    assert first["ranks"] == {"discretisation": 2, "gate": 1, "perturbation": 2}


def test_the_shares_that_fit_best_go_by_the_error_of_the_other_operation() -> None:
    """Why gates prefer skips (arXiv:2108.04392, section 3): errors of variance 1 and 3 give shares 1/4 and 3/4."""
    of_skip = torch.tensor([1.0, -1.0, 1.0, -1.0])
    of_convolution = math.sqrt(3) * torch.tensor([1.0, 1.0, -1.0, -1.0])
    topology = CellTopology(num_inputs=1, num_nodes=1, output="last", projects_inputs=False, edges_per_node=None)
    cell = RelaxedCell("cell", topology, ("skip_connect", "nor_conv_3x3"), torch.ones(1, 2, dtype=torch.bool))
    alpha = torch.zeros(1, 2, requires_grad=True)
    optimizer = torch.optim.SGD([alpha], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        skip, convolution = Softmax().mean_gates(alpha, cell)[0]
        (skip * of_skip + convolution * of_convolution).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(Softmax().mean_gates(alpha, cell), torch.tensor([[0.75, 0.25]]))
