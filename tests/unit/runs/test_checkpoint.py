import io
import os
import pickle
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from dartboard.errors import CheckpointError
from dartboard.runs.checkpoint import FORMAT, load_checkpoint, save_checkpoint

STATE = {
    "epoch": 3,
    "weights": {"w": torch.arange(500.0), "n": torch.tensor([1, 2])},
    "history": [1.5, None, "x", True],
}
FULL_DISK = """
import resource, sys
from pathlib import Path
import torch
from dartboard.errors import RunDirectoryError
from dartboard.runs.checkpoint import save_checkpoint
path = Path(sys.argv[1])
save_checkpoint(path, "search", {"epoch": 0})
old = path.read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save_checkpoint(path, "search", {"w": torch.zeros(10_000)})
except RunDirectoryError as error:
    assert str(error).endswith("cannot be written: File too large; nothing was changed."), error
    assert path.read_bytes() == old
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    sys.exit(7)
"""


class _Malicious:
    """Unpickling it would create a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_a_state_survives(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", "search", STATE)
    state = load_checkpoint(tmp_path / "a.pt", "search")
    assert {key: state[key] for key in ("epoch", "history")} == {key: STATE[key] for key in ("epoch", "history")}
    for name, value in STATE["weights"].items():
        assert torch.equal(state["weights"][name], value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]


def test_a_full_disk_is_named_and_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "a.pt")]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
    assert done.returncode == 7, done.stderr


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_checkpoint_of_another_phase_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", "search", STATE)
    with pytest.raises(CheckpointError, match=r"has format 2 and kind 'search' .* needs format 2 and kind 'train'"):
        load_checkpoint(tmp_path / "a.pt", "train")


def test_a_checkpoint_of_another_format_is_refused_with_its_version(tmp_path: Path) -> None:
    content = {"format": FORMAT + 1, "dartboard": "9.9", "kind": "search", "state": {}}
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=rf"has format {FORMAT + 1} .*by dartboard 9\.9.*delete the file"):
        load_checkpoint(tmp_path / "a.pt", "search")


@pytest.mark.parametrize("content", [{"model": 1}, [1, 2], torch.zeros(2), {"format": FORMAT, "kind": "search"}])
def test_a_file_that_torch_wrote_for_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="is not a checkpoint of dartboard; delete it"):
        load_checkpoint(tmp_path / "a.pt", "search")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a checkpoint", b"\x80\x02}q\x00.", bytes(5000)])
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged; delete it to start that phase again"):
        load_checkpoint(tmp_path / "a.pt", "search")


def test_a_folder_or_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(tmp_path, "search")
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(tmp_path / "a.pt", "search")


def test_any_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(path, "search", STATE)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="is damaged"):
            load_checkpoint(path, "search")


def test_flipped_bytes_are_refused_or_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(path, "search", STATE)
    whole = path.read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            state = load_checkpoint(path, "search")
        except CheckpointError:
            refused += 1
        else:
            assert torch.equal(state["weights"]["w"], STATE["weights"]["w"])
    assert refused > 75


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "a.pt", tmp_path / "trace"
    content = {"format": FORMAT, "kind": "search", "state": _Malicious(trace)}
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    path.write_bytes(buffer.getvalue())
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(path, "search")
    assert not trace.exists()


def test_a_bare_pickle_is_refused_and_does_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.pt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(_Malicious(trace)))
    with pytest.raises(CheckpointError, match="is damaged"):
        load_checkpoint(path, "search")
    assert not trace.exists()
