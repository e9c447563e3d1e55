import multiprocessing
import os
import shutil
import tempfile
import warnings
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import numpy as np
import pytest
import torch
from PIL import Image

from dartboard.data import (
    Augmentation,
    AugmentSettings,
    Batches,
    DataSettings,
    ImageView,
    Reading,
    load_dataset,
    load_images,
    loading,
    measure_normalization,
)
from dartboard.data.disk import DiskRoom
from dartboard.errors import DataError

Usage = namedtuple("Usage", "total used free")
STREAMED = DataSettings(memory_mib=0)
NEEDED = 12 * 8 * 8 * 3


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch) -> Path:
    """The folder of nameless files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def free(monkeypatch) -> dict[str, int]:
    """Folder name -> the bytes that are free in it; others have room."""
    known: dict[str, int] = {}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, known.get(Path(path).name, 2**50)))
    return known


def _break_some(root: Path) -> None:
    whole = (root / "dogs" / "2.png").read_bytes()
    (root / "dogs" / "2.png").write_bytes(whole[: len(whole) // 2])
    (root / "cats" / "notes.png").write_text("not an image")


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("broken", [True, False])
def test_a_dataset_decoded_to_disk_is_the_one_decoded_in_memory(
    tmp_path, image_folder, temporary, cached, broken
) -> None:
    if broken:
        _break_some(image_folder)
    in_memory = load_dataset(image_folder, DataSettings(cache=False, skip_broken=True))
    settings = DataSettings(memory_mib=0, cache=cached, skip_broken=True)
    for _ in range(2):
        on_disk = load_dataset(image_folder, settings, cache_dir=tmp_path / "cache")
        assert on_disk.train.file is not None
        np.testing.assert_array_equal(on_disk.train.images, in_memory.train.images)
        np.testing.assert_array_equal(on_disk.train.labels, in_memory.train.labels)
        assert on_disk.train.names == in_memory.train.names
        assert (on_disk.notes, on_disk.broken) == (in_memory.notes, in_memory.broken)
        assert bool(on_disk.notes) is broken
    assert list(temporary.iterdir()) == []
    assert [entry.name[0] for entry in tmp_path.glob("cache/.*")] == []
    assert len(list(tmp_path.glob("cache/*/images-train.npy"))) == cached


def test_all_splits_are_decoded_to_disk_when_together_they_are_too_large(
    tmp_path, write_image_folder, monkeypatch
) -> None:
    for split in ("train", "val", "test"):
        write_image_folder(tmp_path / "x" / split)
    monkeypatch.setattr(loading, "MAPPED_FROM_BYTES", 3 * NEEDED)
    dataset = load_dataset(tmp_path / "x", DataSettings(), cache_dir=tmp_path / "cache")
    assert all(images is not None and images.file for images in (dataset.train, dataset.validation, dataset.test))
    monkeypatch.setattr(loading, "MAPPED_FROM_BYTES", 3 * NEEDED + 1)
    assert load_dataset(tmp_path / "x", DataSettings(cache=False)).train.file is None


def test_an_entry_decoded_to_disk_serves_those_who_would_hold_it_in_memory(tmp_path, image_folder, monkeypatch) -> None:
    first = load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    monkeypatch.setattr(loading, "decode_splits", None)
    second = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    np.testing.assert_array_equal(second.train.images, first.train.images)


@pytest.mark.parametrize("file", ["images-train.npy", "labels-train.npy", "meta.json"])
def test_an_entry_on_disk_that_was_cut_short_is_rebuilt(tmp_path, image_folder, file) -> None:
    first = load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    images = np.array(first.train.images)
    (path,) = tmp_path.glob(f"cache/*/{file}")
    path.write_bytes(path.read_bytes()[:-1])
    second = load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    np.testing.assert_array_equal(second.train.images, images)
    assert second.notes == ()


def test_images_to_predict_are_decoded_to_disk_too(image_folder) -> None:
    for path in image_folder.glob("*/*.png"):
        path.rename(image_folder / f"{path.parent.name}-{path.name}")
    for empty in ("cats", "dogs"):
        (image_folder / empty).rmdir()
    plain = load_images(image_folder, DataSettings(), Reading(8, 8, 3))
    on_disk = load_images(image_folder, STREAMED, Reading(8, 8, 3))
    assert (plain.images.file is None, on_disk.images.file is None) == (True, False)
    np.testing.assert_array_equal(on_disk.images.images, plain.images.images)
    assert on_disk.names == plain.names


def test_arrays_of_the_user_stay_in_memory_unless_told_otherwise(monkeypatch) -> None:
    monkeypatch.setattr(loading, "MAPPED_FROM_BYTES", 0)
    assert load_dataset("digits", DataSettings()).train.file is None
    assert load_dataset("digits", STREAMED).train.file is not None


def test_without_room_in_the_cache_the_images_go_where_there_is_some_and_a_note_says_why(
    tmp_path, image_folder, free
) -> None:
    free["cache"] = NEEDED - 1
    dataset = load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    assert dataset.notes == (
        f"The decoded images could not be kept in {tmp_path / 'cache'} for the next run: only 0 MiB are free.",
    )
    assert len(dataset.train) == 12
    assert list((tmp_path / "cache").iterdir()) == []
    free["cache"] = NEEDED
    assert load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache").notes == ()


def test_a_cache_in_whose_place_a_file_lies_is_noted(tmp_path, image_folder) -> None:
    (tmp_path / "file").write_text("in the way")
    dataset = load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "file" / "cache")
    assert "could not be kept" in dataset.notes[0]
    assert dataset.train.file is not None


def test_where_no_disk_has_room_one_sentence_says_how_much_is_needed_and_where(
    tmp_path, image_folder, temporary, free
) -> None:
    free.update({"cache": 0, "temporary": NEEDED - 1})
    with pytest.raises(DataError) as error:
        load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    assert str(error.value).startswith(
        f"the decoded images take 1 MiB, but {tmp_path / 'cache'} cannot hold them (only 0 MiB are free) and "
        f"{temporary} cannot hold them (only 0 MiB are free); make room there, name another folder"
    )
    with pytest.raises(DataError, match=rf"take 1 MiB, but {temporary} cannot hold them \(only 0 MiB are free\); make"):
        load_dataset(image_folder, DataSettings(memory_mib=0, cache=False), cache_dir=tmp_path / "cache")


def test_an_error_while_decoding_leaves_nothing_behind(tmp_path, image_folder) -> None:
    _break_some(image_folder)
    with pytest.raises(DataError, match="2 of 13 images in all are broken"):
        load_dataset(image_folder, STREAMED, cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def in_a_child(function: Callable[[], None]) -> int:
    """The exit code of a forked process that calls a function."""
    child = multiprocessing.get_context("fork").Process(target=function)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # newer Pythons warn of threads, which the child does not use
        child.start()
    child.join(60)
    code = child.exitcode
    child.close()
    assert code is not None
    return code


@pytest.mark.parametrize("cached", [True, False])
def test_a_killed_decoding_leaves_nothing_that_is_used_and_the_next_one_clears_up(
    tmp_path, write_image_folder, temporary, cached
) -> None:
    root, cache = write_image_folder(tmp_path / "x", per_class=40), tmp_path / "cache"

    def progress(done: int, _: int) -> None:
        if done == 32:
            os.kill(os.getpid(), SIGKILL)

    def decode() -> None:
        load_dataset(root, DataSettings(memory_mib=0, cache=cached), cache_dir=cache, progress=progress)

    assert in_a_child(decode) == -SIGKILL
    assert list(temporary.iterdir()) == []
    leftovers = list(cache.iterdir()) if cached else []
    assert len(leftovers) == 2 * cached
    assert all(path.name[0] == "." for path in leftovers)
    seen: list[int] = []
    dataset = load_dataset(root, STREAMED, cache_dir=cache, progress=lambda done, _: seen.append(done))
    assert seen[-1] == 80, "all images are decoded again"
    np.testing.assert_array_equal(dataset.train.images, load_dataset(root, DataSettings(cache=False)).train.images)
    assert [path.name[0] != "." for path in cache.iterdir()] == [True]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux, which tells the peak of memory")
def test_decoding_measuring_and_batching_take_a_fraction_of_the_memory_of_the_images(tmp_path) -> None:
    """150 MiB of decoded images, a broken one among them, take less than a third of that."""
    for name, count in (("few", 16), ("many", 800)):
        for number in range(count):
            path = tmp_path / name / "ab"[number % 2] / f"{number}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(path)
        (tmp_path / name / "a" / "0.bmp").write_bytes(b"BM")
    settings = DataSettings(memory_mib=0, image_size=256, skip_broken=True)

    def use(name: str) -> int:
        dataset = load_dataset(tmp_path / name, settings, cache_dir=tmp_path / "cache")
        view = ImageView(dataset.train, np.arange(len(dataset.train)))
        still = AugmentSettings(flip=False, crop_padding=0, min_scale=1.0)
        augmentation = Augmentation(still, measure_normalization(view), dataset.image_shape)
        batches = Batches(view, augmentation, batch_size=5, device="cpu", memory_mib=0, workers=2)
        for _ in batches.epoch(torch.Generator().manual_seed(0)):
            pass
        return sum(len(batch.labels) for batch in batches.in_order())

    def measure() -> None:
        assert use("few") == 15  # brings the code of the libraries into memory
        Path("/proc/self/clear_refs").write_text("5")
        before = peak_mib()
        assert use("many") == 799
        assert peak_mib() - before < 50

    assert in_a_child(measure) == 0


def peak_mib() -> float:
    """The most memory of this process since the count was cleared."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def test_the_folder_of_a_process_at_work_is_left_alone(tmp_path) -> None:
    root, shapes = tmp_path / "cache", {"train": (2, 8, 8, 3)}
    with DiskRoom(root / "a") as first, DiskRoom(root / "a") as second:
        first.make_files(shapes)
        second.make_files(shapes)
        with DiskRoom(root / "b"):
            assert first.folder is not None
            assert second.folder is not None
            assert first.folder.is_dir()
            assert second.folder.is_dir()
    assert list(root.iterdir()) == []
