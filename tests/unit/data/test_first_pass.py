"""What the first pass decodes at once is what the second one would have decoded."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dartboard.data import DataSettings, decode, load_dataset
from dartboard.data.first_pass import read_headers
from dartboard.data.sources import EncodedSplit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Small images of several kinds and shapes, one cut short."""
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(3):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.jpg", exif=_turned())
            Image.fromarray(pixels[..., 0]).save(tmp_path / name / f"gray{number}.png")
            Image.fromarray(pixels).quantize(8).save(tmp_path / name / f"palette{number}.gif", transparency=1)
    content = (tmp_path / "dogs" / "2.jpg").read_bytes()
    (tmp_path / "dogs" / "2.jpg").write_bytes(content[: len(content) // 2])
    return tmp_path


def _turned() -> Image.Exif:
    notes = Image.Exif()
    notes[274] = 6
    return notes


@pytest.mark.parametrize("size", [None, 12])
@pytest.mark.parametrize("tall", [False, True])
def test_one_pass_gives_what_two_give(folder: Path, monkeypatch, size: int | None, tall: bool) -> None:
    if tall:
        Image.new("RGB", (20, 50), "red").save(folder / "cats" / "tall.png")
    settings = DataSettings(cache=False, skip_broken=True, image_size=size)
    once = load_dataset(folder, settings)
    monkeypatch.setattr(decode, "read_headers", partial(read_headers, most_bytes=0))
    twice = load_dataset(folder, settings)
    np.testing.assert_array_equal(once.train.images, twice.train.images)
    np.testing.assert_array_equal(once.train.labels, twice.train.labels)
    assert once.notes == twice.notes
    assert once.broken == twice.broken
    assert len(once.broken["train"]) == 1


def test_pixels_are_kept_up_to_a_number_of_bytes(folder: Path) -> None:
    files = sorted(folder.glob("cats/*.png"))
    split = EncodedSplit(files, None, [file.name for file in files], "train")
    assert len(read_headers({"train": split}, 2).pixels["train"]) == len(files)
    assert set(read_headers({"train": split}, 2, most_bytes=20 * 20 * 3).pixels["train"]) == {0}
    large = Image.new("RGB", (65, 64))
    large.save(files[0])
    assert set(read_headers({"train": split}, 2).pixels["train"]) == set(range(1, len(files)))
