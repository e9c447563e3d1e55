"""The network by hand: what it reads, its stem, and that it ends in time."""

import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import by_hand
from by_hand import batches, network, read, whitening

CLASSES = ("cats", "dogs")


@pytest.fixture
def images() -> torch.Tensor:
    """Smooth images, as photographs are: neighbours are alike."""
    steps = np.random.default_rng(0).normal(size=(200, 12, 12, 3)).cumsum(axis=1).cumsum(axis=2)
    return torch.from_numpy(np.clip(128 + 8 * steps, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("size", [(8, 8), (8, 8, 3)], ids=["gray", "colour"])
def test_folders_tables_and_arrays_are_read_alike(size, tmp_path, write_image_folder) -> None:
    write_image_folder(tmp_path / "folder" / "train", CLASSES, 4, size)
    files = sorted((tmp_path / "folder" / "train").glob("*/*.png"))
    labels = [CLASSES.index(file.parent.name) for file in files]
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    rows = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    for part, name in ((slice(0, 3), "train-00000-of-00002"), (slice(3, None), "train-00001-of-00002")):
        (tmp_path / "table").mkdir(exist_ok=True)
        pq.write_table(pa.table({"image": rows[part], "label": labels[part]}), tmp_path / "table" / f"{name}.parquet")
    np.savez(tmp_path / "arrays.npz", x_train=pixels, y_train=labels)
    for data in ("folder", "table", "arrays.npz"):
        found, answers = read(tmp_path / data, "train")
        np.testing.assert_array_equal(found.numpy(), pixels.reshape(8, 8, 8, -1))
        assert answers.tolist() == labels


def test_an_image_that_is_not_square_gives_its_middle(tmp_path) -> None:
    pixels = np.arange(6 * 10, dtype=np.uint8).reshape(6, 10)
    (tmp_path / "train" / "only").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "train" / "only" / "wide.png")
    np.testing.assert_array_equal(read(tmp_path, "train")[0][0, :, :, 0].numpy(), pixels[:, 2:8])


def test_the_stem_makes_patches_uncorrelated(images, monkeypatch) -> None:
    monkeypatch.setattr(by_hand.functional, "gelu", lambda values: values)
    found = whitening(images, torch.float32)(images)
    assert found.shape == (200, 24, 11, 11)
    torch.testing.assert_close(found[:, :12], -found[:, 12:])
    flat = found[:, :12].permute(1, 0, 2, 3).reshape(12, -1)
    moments = flat @ flat.T / flat.shape[1]
    # Components of little variance are damped by the 5e-4 that is added to it, so their variance is below 1.
    torch.testing.assert_close(moments - torch.diag(moments.diag()), torch.zeros(12, 12), rtol=0, atol=1e-3)
    assert moments.diag().max() < 1.001


def test_the_precision_of_training_only_rounds_what_the_stem_returns(images) -> None:
    exact = whitening(images, torch.float32)(images)
    rounded = whitening(images, torch.bfloat16)(images)
    assert torch.equal(rounded, exact.bfloat16())


@pytest.mark.parametrize("side", [8, 12, 28, 32, 48, 64, 96])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_size_pass(side, channels) -> None:
    logits = network(side, channels, 5, 4)(torch.randn(2, 8 * channels, side - 1, side - 1))
    assert logits.shape == (2, 5)


def test_every_parameter_that_learns_is_in_one_group_of_the_optimiser(images) -> None:
    for side in (12, 64):
        training = by_hand.Training(images[:20, :1, :1].expand(-1, side, side, -1).contiguous(), 5, torch.float32, 4)
        learned = [id(each) for group in training.optimizer.param_groups for each in group["params"]]
        wanted = [id(each) for each in training.network.parameters() if each.requires_grad]
        assert sorted(learned) == sorted(wanted)


def test_images_are_mirrored_in_every_second_pass_and_never_with_one_view() -> None:
    ramp = torch.arange(24, dtype=torch.uint8)[None, None, :, None].expand(64, 24, 24, 1).contiguous()
    labels = torch.arange(64)

    def rising(views: int) -> list[list[bool]]:
        drawn = batches(ramp, labels, 0, views)
        passes = []
        for _ in range(2):
            pixels, numbers = next(drawn)
            middle = pixels[:, 12, 10:14, 0].int()
            passes.append((middle[:, 1] > middle[:, 0])[numbers.argsort()].tolist())
        return passes

    first, second = rising(2)
    assert [not each for each in first] == second
    assert 10 < sum(first) < 54
    assert rising(1) == [[True] * 64] * 2


def test_it_learns_and_ends_in_time(images, tmp_path, monkeypatch, capsys) -> None:
    labels = np.arange(200) % 2
    pixels = images.numpy().copy()
    pixels[labels == 1, 4:8, 4:8] = 255
    path = tmp_path / "squares.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:50], y_test=labels[:50])
    monkeypatch.setattr(by_hand, "LOADING", 0.0)
    monkeypatch.setattr(sys, "argv", ["by_hand.py", str(path), "--seconds", "1.5", "--threads", "1", "--width", "16"])
    by_hand.main()
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] > 0.9
    assert found["passes"] >= 1
    assert (found["data"], found["width"], found["views"]) == ("squares.npz", 16, 2)
