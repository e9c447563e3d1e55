"""What the loss gains without an operation: exact for a quadratic function, and as measured in a supernet."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dartboard.engine.watches import make_watch
from dartboard.engine.watches.protocol import mean_step
from dartboard.engine.watches.removal import Entry, half_products, predicted_gains, tau
from dartboard.errors import SettingsError
from dartboard.parts.recipe import make_recipe
from dartboard.space import get_space

from .searched import after_an_epoch, stage

ENTRIES = [Entry(kind, row, column) for kind in ("one", "two") for row in range(2) for column in range(3)]


def quadratic() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """A, b and p of L = p A p / 2 + b p, with p in two tensors of shape (2, 3)."""
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    b, p = (torch.randn(12, generator=generator, dtype=torch.float64) for _ in range(2))
    return root + root.T, b, {"one": p[:6].view(2, 3), "two": p[6:].view(2, 3)}


def loss(gates: dict[str, Tensor]) -> Tensor:
    matrix, b, _ = quadratic()
    p = torch.cat([gates["one"].flatten(), gates["two"].flatten()])
    return p @ matrix @ p / 2 + b @ p


def test_of_a_quadratic_loss_the_prediction_is_exact() -> None:
    _, _, gates = quadratic()
    for entry, predicted in zip(ENTRIES, predicted_gains(loss, gates, ENTRIES), strict=True):
        less = {name: gate.clone() for name, gate in gates.items()}
        less[entry.kind][entry.row, entry.column] = 0.0
        assert predicted == pytest.approx(float(loss(less) - loss(gates)))


def test_half_products_are_those_of_the_matrix() -> None:
    matrix, _, gates = quadratic()
    p = torch.cat([gates["one"].flatten(), gates["two"].flatten()])
    found, total = half_products(loss, gates, [("one", 1), ("two", 0)])
    assert total == pytest.approx(float(p @ matrix @ p) / 2)
    for value, rows in zip(found, (slice(3, 6), slice(6, 9)), strict=True):
        assert value == pytest.approx(float(p[rows] @ matrix[rows, rows] @ p[rows]) / 2)


def test_ranks_that_tell_nothing_apart_have_no_correlation() -> None:
    assert tau([1.0, 2.0, 3.0], [0.1, 0.2, 0.3]) == pytest.approx(1.0)
    assert tau([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]) is None


def test_in_a_supernet_every_operation_is_predicted_and_measured(tmp_path: Path) -> None:
    with stage(tmp_path, {"search.layers": 1, "search.init_channels": 2}) as search:
        event, probes = after_an_epoch(search)
        search.supernet.double()
        (batch,) = probes.validation()
        probes._kept["alphas"] = [batch._replace(images=batch.images.double())]
        for alpha in search.state.alphas.values():
            alpha.data = alpha.data.double()
        found = make_watch("removal-prediction").measure(search, event, probes)
        step = mean_step(search)

        def at(gate: float) -> float:
            """The loss with another gate of the 3x3 convolution on the first edge."""
            gates = step.gates["cell"].clone()
            gates[0, 3] = gate
            logits = search.supernet(probes.validation()[0].images, {"cell": gates})
            return float(functional.cross_entropy(logits, batch.labels))

        with torch.no_grad():
            gate, step_size = float(step.gates["cell"][0, 3]), 1e-4
            near = [at(gate + shift * step_size) for shift in (-1, 0, 1)]
            gain = at(0.0) - near[1]
    assert found is not None
    assert len(found.parts) == 6
    slope, bend = (near[2] - near[0]) / (2 * step_size), (near[2] - 2 * near[1] + near[0]) / step_size**2
    first = found.parts[0]
    assert first["predicted gain"]["nor_conv_3x3"] == pytest.approx(-gate * slope + gate**2 / 2 * bend, rel=1e-3)
    assert first["gain"]["nor_conv_3x3"] == pytest.approx(gain)
    assert first["gain"]["none"] == first["predicted gain"]["none"] == 0  # it adds nothing that could be missed
    assert all(value is None or -1 <= value <= 1 for name, value in found.figures.items() if name.startswith("tau"))


def test_gates_without_derivatives_are_refused() -> None:
    with pytest.raises(SettingsError, match="no derivatives in alpha"):
        make_watch("removal-prediction").refuse(get_space("nas-bench-201"), make_recipe("enas", {}))
