"""Images that are never held in memory: the same results, whatever reads them and whatever interrupts it."""

import json
import tempfile
from pathlib import Path
from signal import SIGINT, SIGKILL

import numpy as np
import pytest

from dartboard import predict
from dartboard.runs import Epoch, EventLog

from .command import SMALL, Halt
from .conftest import Run, Start

ON_DISK = ("--set", "data.memory_mib=0")
FILES = ("genotype.json", "model.safetensors", "model.json", "predictions.npz", "examples.npz", "split.json")


def results(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in FILES}


@pytest.fixture
def whole(dartboard: Run, pets: Path, folder: Path) -> dict[str, bytes]:
    """What a run comes to whose images lie in memory."""
    assert dartboard("run", pets, *SMALL, "--out", "whole").code == 0
    return results(folder / "whole")


def test_runs_from_disk_come_to_the_results_of_one_from_memory(
    dartboard: Run, tmp_path: Path, pets: Path, folder: Path, whole: dict[str, bytes]
) -> None:
    """One decodes to the cache, one finds its images there, one has them in a file without a name."""
    (entry,) = tmp_path.glob("cache/*")
    entry.rename(tmp_path / "of-whole")
    for name, workers, cached in (("decoded", "null", "true"), ("mapped", "0", "true"), ("nameless", "3", "false")):
        options = ("--set", f"data.workers={workers}", "--set", f"data.cache={cached}")
        outcome = dartboard("run", pets, *SMALL, *ON_DISK, *options, "--out", name)
        assert (outcome.code, outcome.err.count("could not be kept")) == (0, 0), outcome.err
        assert results(folder / name) == whole
        assert [path.name for path in tmp_path.glob("cache/*")] == [entry.name]
    streamed = json.loads((entry / "meta.json").read_text())
    assert "images" not in streamed["splits"]["train"]["checksums"], "this was decoded in memory"


def test_a_run_from_disk_predicts_what_one_from_memory_does(
    dartboard: Run, pets: Path, folder: Path, whole: dict[str, bytes]
) -> None:
    assert dartboard("run", pets, *SMALL, *ON_DISK, "--out", "run").code == 0
    for name in ("whole", "run"):
        assert dartboard("predict", name, pets, "--out", f"{name}.npy").code == 0
    wanted = np.load(folder / "whole.npy")
    np.testing.assert_array_equal(np.load(folder / "run.npy"), wanted)
    streamed = predict(folder / "whole", pets, {"memory_mib": 0, "workers": 1}, device="cpu")
    np.testing.assert_array_equal(streamed.labels, wanted)


def test_a_run_killed_when_its_images_are_decoded_but_not_yet_in_place_begins_again(
    dartboard: Run, tmp_path: Path, pets: Path, folder: Path
) -> None:
    command = ("run", pets, *SMALL, *ON_DISK, "--out", "run", "--resume")
    assert dartboard(*command, halt=Halt(1)).code == -SIGKILL
    left = [path.name for path in tmp_path.glob("cache/.*")]
    assert len(left) == 2
    assert list(tmp_path.glob("cache/[!.]*")) == []
    assert dartboard(*command).code == 0
    assert list(tmp_path.glob("cache/.*")) == []
    assert len(list(tmp_path.glob("cache/*"))) == 1


def epochs_of(run: Path, phase: str) -> int:
    return sum(isinstance(event, Epoch) and event.phase == phase for event in EventLog(run / "events.jsonl").read())


@pytest.mark.parametrize("phase", [pytest.param("search", marks=pytest.mark.slow), "train"])
def test_ctrl_c_ends_a_run_that_reads_ahead_and_the_resumed_one_comes_to_the_same_end(
    start: Start, dartboard: Run, pets: Path, folder: Path, phase: str
) -> None:
    long = ("--set", "search.epochs=6", "--set", "train.epochs=12", "--set", "train.batch_size=4")
    command = ("run", pets, *SMALL, *long, "--set", "data.workers=2")
    running = start(*command, *ON_DISK, "--out", "run")
    running.wait_until(lambda: epochs_of(folder / "run", phase) >= 2)
    running.send(SIGINT)
    interrupted = running.end()
    assert (interrupted.code, "Traceback" in interrupted.err) == (130, False)
    assert dartboard(*command, *ON_DISK, "--out", "run", "--resume").code == 0
    assert dartboard(*command, "--out", "whole").code == 0
    assert results(folder / "run") == results(folder / "whole")


def test_a_full_disk_is_one_sentence_that_says_how_much_is_needed_and_where(
    dartboard: Run, tmp_path: Path, pets: Path, folder: Path
) -> None:
    full = dartboard("run", pets, *SMALL, *ON_DISK, file_limit=1024)
    assert full.code == 2
    assert full.err == (
        f"dartboard: the decoded images take 1 MiB, but {tmp_path / 'cache'} cannot hold them (File too large) and "
        f"{tempfile.gettempdir()} cannot hold them (File too large); make room there, name another folder with "
        "DARTBOARD_CACHE (TMPDIR without data.cache), choose a smaller data.image_size, or let more stay in memory "
        "with data.memory_mib.\n"
    )
    assert [*folder.iterdir(), *(tmp_path / "cache").iterdir()] == []
