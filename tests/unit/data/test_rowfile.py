import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.data import rowfile
from dartboard.data.rowfile import RowFile
from dartboard.errors import DataError

SHAPE = (9, 3, 2, 3)
IMAGES = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


def read(file: RowFile, rows: list[int]) -> np.ndarray:
    out = np.full((len(rows), *file.shape[1:]), 7, dtype=np.uint8)
    file.read(np.array(rows, dtype=np.int64), out)
    return out


def write(file: RowFile) -> RowFile:
    for row in reversed(range(len(file))):
        file[row] = IMAGES[row]
    return file


@pytest.fixture(params=["named", "nameless"])
def file(request, tmp_path: Path) -> RowFile:
    if request.param == "named":
        return write(RowFile.create(tmp_path / "x.npy", SHAPE, tmp_path))
    return write(RowFile.create_nameless(tmp_path, SHAPE))


@given(st.lists(st.integers(0, 8), max_size=30))
@settings(max_examples=50)
def test_any_rows_are_read_in_any_order_and_more_than_once(rows: list[int]) -> None:
    file = write(RowFile.create_nameless(Path(tempfile.gettempdir()), SHAPE))
    np.testing.assert_array_equal(read(file, rows), IMAGES[rows])


@given(st.sets(st.integers(0, 8)), st.integers(1, 4))
@settings(max_examples=50)
def test_lost_rows_close_up_whatever_is_moved_at_a_time(lost: set[int], per_move: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowfile, "_BYTES_PER_MOVE", per_move * 18)
        file = write(RowFile.create_nameless(Path(tempfile.gettempdir()), SHAPE))
        file.finish(sorted(lost))
    np.testing.assert_array_equal(file.images, np.delete(IMAGES, sorted(lost), axis=0))
    assert len(file) == 9 - len(lost)


def test_a_finished_file_is_one_that_numpy_reads_and_no_larger(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    write(RowFile.create(path, SHAPE, tmp_path)).finish([0, 4])
    np.save(tmp_path / "numpy.npy", np.delete(IMAGES, [0, 4], axis=0))
    assert path.read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    np.testing.assert_array_equal(read(RowFile.open(path), [6, 0]), IMAGES[[8, 1]])


def test_a_file_all_of_whose_images_are_lost_is_empty(file: RowFile, tmp_path: Path) -> None:
    file.finish(range(9))
    assert file.images.shape == (0, *SHAPE[1:])
    if (tmp_path / "x.npy").exists():
        assert len(RowFile.open(tmp_path / "x.npy")) == 0


def test_images_of_a_file_are_mapped_read_only_and_those_never_written_are_black(tmp_path: Path) -> None:
    images = RowFile.create_nameless(tmp_path, SHAPE).images
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable
    assert images.shape == SHAPE
    assert not images.any()


def test_a_nameless_file_is_in_no_folder_and_lives_as_long_as_its_images(tmp_path: Path) -> None:
    images = write(RowFile.create_nameless(tmp_path, SHAPE)).images
    assert list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(images, IMAGES)


def test_pixels_at_other_strides_are_written_as_they_look(file: RowFile) -> None:
    file[2] = IMAGES[3].transpose(1, 0, 2).copy().transpose(1, 0, 2)
    np.testing.assert_array_equal(read(file, [2]), IMAGES[[3]])


def test_calls_that_the_system_answers_in_part_are_gone_on_with(file: RowFile, monkeypatch) -> None:
    preadv, pwrite = os.preadv, os.pwrite
    monkeypatch.setattr(os, "preadv", lambda number, buffers, place: preadv(number, [buffers[0][:5]], place))
    monkeypatch.setattr(os, "pwrite", lambda number, content, place: pwrite(number, content[:7], place))
    file[1] = IMAGES[5]
    np.testing.assert_array_equal(read(file, [0, 1, 2]), IMAGES[[0, 5, 2]])


def test_the_file_is_closed_when_nobody_needs_it(tmp_path: Path) -> None:
    file = RowFile.create_nameless(tmp_path, SHAPE)
    descriptor = file._descriptor
    os.fstat(descriptor)
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_that_was_cut_short_in_use_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    file = write(RowFile.create(path, SHAPE, tmp_path))
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DataError, match="cut short while in use"):
        read(file, [8])
    np.testing.assert_array_equal(read(file, [7]), IMAGES[[7]])


def test_a_disk_that_fills_up_is_reported_with_size_place_and_advice(
    file: RowFile, tmp_path: Path, monkeypatch
) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DataError) as error:
        file[0] = IMAGES[0]
    assert str(error.value).startswith(f"the decoded images take 1 MiB, and cannot be written to {tmp_path}: No space")
    assert "DARTBOARD_CACHE" in str(error.value)


@pytest.mark.parametrize(
    "values", [np.zeros((2, 3), np.uint8), np.zeros(SHAPE), np.asfortranarray(IMAGES)], ids=["flat", "floats", "order"]
)
def test_files_of_something_else_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(ValueError, match="holds no images"):
        RowFile.open(tmp_path / "x.npy")
