import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dartboard.errors import RunDirectoryError
from dartboard.runs import check_new_file, read_arrays, read_json, write_atomically, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_write_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.bin", lambda stream: stream.write(b"whole"))
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert names(tmp_path) == ["a.bin"]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write(stream: Any) -> None:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"

    write_atomically(path, write)
    assert path.read_text() == "new"


def test_a_disk_error_keeps_the_old_file_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(stream: Any) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(
        RunDirectoryError, match=r"a\.txt cannot be written: No space left on device; nothing was changed"
    ):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_interrupt_keeps_the_old_file_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupt(stream: Any) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupt)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("place", ["absent/a.txt", "file/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RunDirectoryError, match=r"cannot be written: .*; nothing was changed"):
        write_text(tmp_path / place, "text")
    assert names(tmp_path) == ["file", "folder"]


def test_text_is_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Größe 8²\n")
    assert (tmp_path / "a.txt").read_bytes() == "Größe 8²\n".encode()


@pytest.mark.parametrize("content", [{"a": [1, 2.5, None, True]}, [], "größe", {"nested": {"b": {}}}])
def test_json_survives(tmp_path: Path, content: object) -> None:
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content == json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_no_nan_or_infinity(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": value})
    assert names(tmp_path) == []


def test_a_missing_or_damaged_json_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match=r"absent\.json cannot be read: No such file"):
        read_json(tmp_path / "absent.json")
    (tmp_path / "cut.json").write_text('{"a": ')
    with pytest.raises(RunDirectoryError, match=r"cut\.json is damaged: it does not hold JSON"):
        read_json(tmp_path / "cut.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(RunDirectoryError, match=r"deep\.json is damaged"):
        read_json(tmp_path / "deep.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunDirectoryError, match=r"binary\.json is damaged"):
        read_json(tmp_path / "binary.json")


def test_arrays_are_read_back_and_a_damaged_file_of_them_is_named(tmp_path: Path) -> None:
    """A flipped byte in any place either leaves the arrays as they were, in what nobody reads, or is noticed."""
    several, one = tmp_path / "several.npz", tmp_path / "one.npy"
    np.savez_compressed(several, a=np.arange(30), b=np.ones(2))
    np.save(one, np.arange(3))
    assert read_arrays(several, ("a",))["a"].tolist() == list(range(30))
    assert read_arrays(one)[""].tolist() == [0, 1, 2]
    whole = several.read_bytes()
    for place in range(0, len(whole), 7):
        several.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with suppress(RunDirectoryError):
            assert read_arrays(several, ("a",))["a"].tolist() == list(range(30))
    for content in (b"", whole[:50], b"[1, 2]", one.read_bytes()):
        several.write_bytes(content)
        with pytest.raises(RunDirectoryError, match=r"several.npz is damaged \(.*\); restore it, or begin a new run"):
            read_arrays(several, ("a",))
    with pytest.raises(RunDirectoryError, match=r"missing\.npy is damaged"):
        read_arrays(tmp_path / "missing.npy")


def test_a_file_in_a_folder_that_cannot_be_written_is_refused_before_the_work_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_new_file(tmp_path / "p.csv", (".csv",), overwrite=False)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(RunDirectoryError, match=f"the folder {tmp_path} cannot be written; name a file in another"):
        check_new_file(tmp_path / "p.csv", (".csv",), overwrite=True)
