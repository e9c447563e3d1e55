import numpy as np
import pytest
from PIL import Image

from dartboard.data import DataSettings, cache, load_dataset, loading
from dartboard.data.cache import cache_root, fingerprint
from dartboard.data.sources import open_source


@pytest.fixture
def decodings(monkeypatch) -> list[int]:
    """Grows by one whenever a dataset is decoded rather than taken from the cache."""
    seen: list[int] = []
    original = loading.decode_splits

    def counted(*args, **kwargs):
        seen.append(1)
        return original(*args, **kwargs)

    monkeypatch.setattr(loading, "decode_splits", counted)
    return seen


def same(first, second) -> bool:
    return np.array_equal(first.train.images, second.train.images) and np.array_equal(
        first.train.labels, second.train.labels
    )


def test_the_second_reading_comes_from_the_cache_and_is_the_same(tmp_path, image_folder, decodings) -> None:
    (image_folder / "cats" / "bad.png").write_bytes(b"?")
    settings = DataSettings(skip_broken=True)
    first = load_dataset(image_folder, settings, cache_dir=tmp_path / "cache")
    second = load_dataset(image_folder, settings, cache_dir=tmp_path / "cache")
    assert len(decodings) == 1
    assert same(first, second)
    assert first.notes == second.notes != ()
    assert [entry.name[0] != "." for entry in (tmp_path / "cache").iterdir()] == [True]


def test_without_the_setting_nothing_is_cached(tmp_path, image_folder, decodings) -> None:
    for _ in range(2):
        load_dataset(image_folder, DataSettings(cache=False), cache_dir=tmp_path / "cache")
    assert len(decodings) == 2
    assert not (tmp_path / "cache").exists()


def test_every_change_of_content_name_label_or_decoding_changes_the_key(image_folder) -> None:
    def key(**settings: object) -> str:
        values = DataSettings(**settings)
        return fingerprint(open_source(image_folder, values), values)

    keys = [key(), key(image_size=16), key(skip_broken=True)]
    (image_folder / "cats" / "0.png").rename(image_folder / "cats" / "zero.png")
    keys.append(key())
    (image_folder / "cats" / "1.png").rename(image_folder / "dogs" / "one.png")
    keys.append(key())
    Image.new("RGB", (8, 8)).save(image_folder / "cats" / "2.png")
    keys.append(key())
    (image_folder / "cats").rename(image_folder / "lions")
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert key() == key(validation_fraction=0.3)


def _truncate(path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _flip_a_byte(path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _nest(path) -> None:
    path.write_text("[" * 100_000)


def _clear(path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("file", ["images-train.npy", "labels-train.npy", "meta.json"])
@pytest.mark.parametrize("damage", [_truncate, _flip_a_byte, _clear, _nest, lambda path: path.unlink()])
def test_a_damaged_entry_is_rebuilt_without_a_word(tmp_path, image_folder, decodings, file, damage) -> None:
    first = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    damage(entry / file)
    second = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    assert len(decodings) == 2
    assert same(first, second)
    assert second.notes == ()
    load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    assert len(decodings) == 2


def test_objects_in_an_entry_are_never_unpickled(tmp_path, image_folder, decodings) -> None:
    load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    np.save(entry / "labels-train.npy", np.array([{}] * 12, dtype=object), allow_pickle=True)
    load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    assert len(decodings) == 2


def test_a_cache_that_cannot_be_written_is_noted_and_does_not_stop(tmp_path, image_folder) -> None:
    (tmp_path / "file").write_text("in the way")
    dataset = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "file" / "cache")
    assert len(dataset.train) == 12
    assert "could not be kept" in dataset.notes[0]


def test_a_disk_that_fills_up_is_noted_and_leaves_nothing_behind(tmp_path, image_folder, monkeypatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "save", full)
    dataset = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
    assert dataset.notes[0].endswith("No space left on device.")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("supported", [True, False])
def test_large_images_are_mapped_read_only(tmp_path, image_folder, decodings, monkeypatch, supported) -> None:
    plain = load_dataset(image_folder, DataSettings(cache=False))
    for module in (cache, loading):
        monkeypatch.setattr(module, "SUPPORTED", supported)
    monkeypatch.setattr(loading, "MAPPED_FROM_BYTES", 12 * 8 * 8 * 3)
    for _ in range(2):
        mapped = load_dataset(image_folder, DataSettings(), cache_dir=tmp_path / "cache")
        assert isinstance(mapped.train.images, np.memmap)
        assert (mapped.train.file is not None) is supported
        assert not mapped.train.images.flags.writeable
        assert same(mapped, plain)


def test_the_cache_lies_where_the_environment_says(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DARTBOARD_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root(tmp_path / "given") == tmp_path / "given"
    assert cache_root(None) == tmp_path / "own"
    monkeypatch.delenv("DARTBOARD_CACHE")
    assert cache_root(None) == tmp_path / "xdg" / "dartboard"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root(None) == tmp_path / ".cache" / "dartboard"
