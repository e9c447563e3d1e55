import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.parts import BetaDecay, ZeroOne
from dartboard.parts.relaxation.protocol import RelaxedCell
from dartboard.space import get_space


def cell_of(live: Tensor) -> RelaxedCell:
    return RelaxedCell("normal", get_space("darts").cell, tuple("abcdefgh"[: live.shape[1]]), live)


def everything(rows: int, columns: int) -> RelaxedCell:
    return cell_of(torch.ones(rows, columns, dtype=torch.bool))


def value_and_slope(penalty, alphas: dict[str, Tensor], cells, progress: float = 0.0):
    alphas = {name: alpha.double().requires_grad_() for name, alpha in alphas.items()}
    value = penalty(alphas, cells, progress)
    slopes = torch.autograd.grad(value, list(alphas.values()), materialize_grads=True)
    return value.item(), dict(zip(alphas, slopes, strict=True))


@pytest.mark.parametrize(("distance", "value", "slope"), [("l2", -0.16, -0.072), ("l1", -0.4, -0.09)])
def test_the_zero_one_loss_of_a_single_sigmoid_of_nine_tenths(distance, value: float, slope: float) -> None:
    alpha = torch.tensor([[math.log(9.0)]], dtype=torch.float64)
    found, slopes = value_and_slope(ZeroOne(1.0, distance), {"normal": alpha}, {"normal": everything(1, 1)})
    assert found == pytest.approx(value)
    assert slopes["normal"].item() == pytest.approx(slope)


@pytest.mark.parametrize("distance", ["l2", "l1"])
def test_sigmoids_of_one_half_have_no_zero_one_loss_and_no_gradient(distance) -> None:
    found, slopes = value_and_slope(ZeroOne(10.0, distance), {"n": torch.zeros(14, 7)}, {"n": everything(14, 7)})
    assert found == 0
    assert (slopes["n"] == 0).all()


def test_the_zero_one_loss_is_a_mean_over_the_live_operations_of_all_kinds() -> None:
    """The authors' 196 entries: 2 kinds of 14 edges with 7 operations; `none` is not live."""
    live = torch.ones(14, 8, dtype=torch.bool)
    live[:, 0] = False
    alphas = {kind: torch.full((14, 8), math.log(9.0), dtype=torch.float64) for kind in ("normal", "reduce")}
    cells = {kind: cell_of(live) for kind in alphas}
    found, slopes = value_and_slope(ZeroOne(10.0), alphas, cells)
    assert found == pytest.approx(-1.6)
    for slope in slopes.values():
        assert (slope[~live] == 0).all()
        torch.testing.assert_close(slope[live], torch.full((98,), -0.72 / 196, dtype=torch.float64))


def test_the_zero_one_loss_leaves_the_weights_of_edges_alone() -> None:
    alphas = {"normal": torch.ones(14, 8), "normal.edges": torch.ones(14)}
    _, slopes = value_and_slope(ZeroOne(), alphas, {"normal": everything(14, 8)})
    assert (slopes["normal.edges"] == 0).all()


def test_beta_decay_of_five_equal_alphas_is_the_logarithm_of_five() -> None:
    found, slopes = value_and_slope(BetaDecay(2.0), {"cell": torch.zeros(6, 5)}, {"cell": everything(6, 5)}, 0.5)
    assert found == pytest.approx(1.6094, abs=5e-5)
    torch.testing.assert_close(slopes["cell"], torch.full((6, 5), 0.2 / 6, dtype=torch.float64))


@given(st.floats(-3, 3))
@settings(max_examples=20)
def test_a_constant_on_one_row_adds_its_share_to_beta_decay(constant: float) -> None:
    alpha = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    moved = alpha.clone()
    moved[2] += constant
    cells = {"cell": everything(4, 5)}
    plain, found = (BetaDecay(1.0)({"cell": each}, cells, 1.0).item() for each in (alpha, moved))
    assert found - plain == pytest.approx(constant / 4, abs=1e-12)


def test_beta_decay_grows_from_zero_by_half_a_unit_an_epoch() -> None:
    alphas, cells = {"cell": torch.zeros(1, 5)}, {"cell": everything(1, 5)}
    weights = [BetaDecay()(alphas, cells, epoch / 50).item() / math.log(5) for epoch in (0, 1, 49)]
    assert weights == pytest.approx([0.0, 0.5, 24.5])
    assert BetaDecay(50.0)(alphas, cells, 99 / 100).item() / math.log(5) == pytest.approx(49.5)


def test_beta_decay_is_a_mean_over_the_edges_of_all_kinds_that_have_operations() -> None:
    live = torch.tensor([[True, True, False], [False, False, False]])
    alphas = {"normal": torch.zeros(2, 3), "reduce": torch.zeros(1, 3)}
    cells = {"normal": cell_of(live), "reduce": everything(1, 3)}
    found, slopes = value_and_slope(BetaDecay(1.0), alphas, cells, 1.0)
    assert found == pytest.approx((math.log(2) + math.log(3)) / 2)
    expected = torch.tensor([[0.25, 0.25, 0], [0, 0, 0]], dtype=torch.float64)
    torch.testing.assert_close(slopes["normal"], expected)
    torch.testing.assert_close(slopes["reduce"], torch.full((1, 3), 1 / 6, dtype=torch.float64))
