"""A method, an operation and a space are one decorated function each, wherever they stand: here, in a test."""

from pathlib import Path

import pytest
from torch import nn

from dartboard import api
from dartboard.parts import METHODS, AdamUpdate, FirstOrder, Recipe, method
from dartboard.space import OPS, SPACES, CellTopology, Cost, Norm, SearchSpace, op, parse_genotype, space
from dartboard.space.skeleton import NasBench201Skeleton


@pytest.fixture
def _extensions():
    """Registers all three, and forgets them afterwards."""

    @op("half_pool_5x5", cost=lambda *_: Cost())
    def half_pool(channels: int, stride: int, norm: Norm) -> nn.Module:
        """Mean over 5x5."""
        return nn.AvgPool2d(5, stride=stride, padding=2)

    @space("two-nodes")
    def two_nodes() -> SearchSpace:
        """Three edges, three operations."""
        return SearchSpace(
            name="two-nodes",
            ops=("skip_connect", "half_pool_5x5", "nor_conv_1x1"),
            cell=CellTopology(num_inputs=1, num_nodes=2, output="last", projects_inputs=False, edges_per_node=None),
            skeleton=NasBench201Skeleton(),
            normalized_ops=frozenset({"half_pool_5x5"}),
            reference_size=(4, 1),
            small_size=(4, 1),
        )

    @method("hasty", paper="none")
    def hasty(*, haste: float = 0.1) -> Recipe:
        """First order with large steps."""
        return Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=haste))

    yield
    OPS.remove("half_pool_5x5")
    SPACES.remove("two-nodes")
    METHODS.remove("hasty")


LAYERS = {
    "space": "two-nodes",
    "preset": "smoke",
    "device": "cpu",
    "method": {"name": "hasty", "options": {"haste": 0.2}},
    "search": {"epochs": 1, "steps_per_epoch": 2, "validation_images": 32},
    "data.max_train_images": 100,
}


@pytest.mark.usefixtures("_extensions")
def test_a_search_runs_with_a_method_an_operation_and_a_space_of_ones_own(tmp_path: Path) -> None:
    result = api.search(None, LAYERS, out=tmp_path / "run")
    assert result.method == "hasty"
    assert result.space == "two-nodes"
    found = parse_genotype(result.genotype.text, space="two-nodes")
    assert set(found.operation_counts) <= {"skip_connect", "half_pool_5x5", "nor_conv_1x1"}
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.usefixtures("_extensions")
def test_extensions_are_listed_with_their_summary_and_paper() -> None:
    [hasty] = [entry for entry in api.list_methods() if entry["name"] == "hasty"]
    assert (hasty["summary"], hasty["paper"]) == ("First order with large steps", "none")
    assert "two-nodes" in [entry["name"] for entry in api.list_spaces()]
    assert OPS["half_pool_5x5"].summary == "Mean over 5x5"


def test_extensions_are_forgotten() -> None:
    assert "hasty" not in METHODS
    assert "two-nodes" not in SPACES
    assert "half_pool_5x5" not in OPS
