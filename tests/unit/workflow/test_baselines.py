"""Which networks stand beside the one found."""

from pathlib import Path

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.parts import UniformlyRandom
from dartboard.runs import RunDirectory
from dartboard.space import PUBLISHED, Genotype, get_space, network_cost
from dartboard.testing import open_small
from dartboard.workflow.baselines import find_baselines

NONE = torch.Generator()
SIZES = [("nas-bench-201", 8, 2), ("darts", 8, 6), ("robust-s1", 4, 3)]


def multiply_adds(genotype: Genotype, channels: int, layers: int) -> int:
    """Of a network on the small images, 8x8 in colour and three classes."""
    space = get_space(genotype.space)
    plan = space.plan(in_channels=3, num_classes=3, init_channels=channels, layers=layers, image_size=(8, 8))
    return network_cost(space, genotype, plan, (8, 8)).multiply_adds


@pytest.mark.parametrize(("name", "channels", "layers"), SIZES)
def test_the_resnet_has_the_width_whose_cost_is_nearest(name: str, channels: int, layers: int, tmp_path: Path) -> None:
    found = UniformlyRandom()(get_space(name), {}, NONE)
    with RunDirectory(tmp_path) as run:
        session = open_small(run, {"space": name, "train.init_channels": channels, "train.layers": layers})
        _, _, resnet = find_baselines(session, found)
    aim = multiply_adds(found, channels, layers)
    off = {
        width: abs(multiply_adds(resnet.genotype, width, resnet.layers) - aim)
        for width in (resnet.init_channels - 2, resnet.init_channels, resnet.init_channels + 2)
        if width > 0
    }
    assert min(off, key=lambda width: off[width]) == resnet.init_channels
    assert resnet.what == f"a plain ResNet-{6 * resnet.layers + 6}"


@pytest.mark.parametrize(("name", "channels", "layers"), SIZES)
def test_the_random_architecture_has_the_size_of_the_network_found(
    name: str, channels: int, layers: int, tmp_path: Path
) -> None:
    with RunDirectory(tmp_path) as run:
        session = open_small(run, {"space": name, "train.init_channels": channels, "train.layers": layers})
        by_hand, random, _ = find_baselines(session, UniformlyRandom()(get_space(name), {}, NONE))
    assert (random.genotype.space, random.init_channels, random.layers) == (name, channels, layers)
    assert by_hand.genotype == PUBLISHED["conv-stages-by-hand"]


def test_in_its_own_space_the_network_by_hand_has_the_width_of_the_network_found(tmp_path: Path) -> None:
    found = UniformlyRandom()(get_space("conv-stages"), {}, NONE)
    layer = {"space": "conv-stages", "train.init_channels": 24, "train.layers": 9, "search.layers": 9}
    with RunDirectory(tmp_path) as run:
        by_hand, random, resnet = find_baselines(open_small(run, layer), found)
    assert {each.init_channels for each in (by_hand, random, resnet)} == {24}
    assert {each.genotype.space for each in (by_hand, random, resnet)} == {"conv-stages"}


def test_the_network_by_hand_is_left_out_where_images_are_too_small_for_whitening_and_its_poolings(
    tmp_path: Path,
) -> None:
    with RunDirectory(tmp_path) as run:
        session = open_small(run, {"space": "nas-bench-201", "train.whiten": True})
        found = UniformlyRandom()(get_space("nas-bench-201"), {}, NONE)
        assert [each.name for each in find_baselines(session, found)] == ["random", "resnet"]
