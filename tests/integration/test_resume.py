"""Whatever ends a run, the same command with --resume brings it to the same end."""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from dartboard.runs import Epoch, EventLog
from dartboard.testing import timeless

from .command import SMALL, SOURCE, Command, Halt
from .conftest import Run, Start

EPOCHS = ("--set", "search.epochs=2", "--set", "train.epochs=2")
LONG = ("--set", "search.epochs=12", "--set", "train.epochs=25", "--set", "train.batch_size=4")
"""Epochs enough that a run is still at work when a test has seen it there and acts."""

SENTENCE = "dartboard: interrupted; what is done is kept in {}, and this goes on with it: dartboard "
NOTHING_DONE = "dartboard: interrupted before anything was recorded; give the same command again."


def outcome_of(run: Path) -> dict[str, object]:
    """What must not depend on interruptions."""
    scores = json.loads((run / "scores.json").read_text())
    for network in scores["runs"]:
        del network["seconds"]
    result = json.loads((run / "result.json").read_text())
    changing = ("seconds", "memory", "finished", "command", "run_directory")
    events = [event.to_json() for event in timeless(EventLog(run / "events.jsonl").read()) if isinstance(event, Epoch)]
    names = ("genotype.json", "model.safetensors", "model.json", "predictions.npz", "examples.npz", "split.json")
    return {
        "scores": scores,
        "result": {key: value for key, value in result.items() if key not in changing},
        "phases": set(result["seconds"]),
        "events": events,
        **{name: (run / name).read_bytes() for name in names},
    }


def epochs_of(run: Path, phase: str) -> int:
    events = EventLog(run / "events.jsonl").read()
    return sum(isinstance(event, Epoch) and event.phase == phase for event in events)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, pets: Path) -> dict[str, object]:
    """What a run with `EPOCHS` comes to when nothing interrupts it."""
    folder = tmp_path_factory.mktemp("whole")
    assert Command("run", pets, *SMALL, *EPOCHS, "--out", "run", folder=folder).end().code == 0
    return outcome_of(folder / "run")


def test_a_run_killed_over_and_over_comes_to_the_same_end(
    dartboard: Run, pets: Path, folder: Path, whole: dict[str, object]
) -> None:
    """Attempt number n is killed when it is about to write for the n-th time, until one gets through."""
    codes = [-SIGKILL]
    while codes[-1] == -SIGKILL and len(codes) < 40:
        halt = Halt(len(codes))
        codes.append(dartboard("run", pets, *SMALL, *EPOCHS, "--out", "run", "--resume", halt=halt).code)
    assert codes[-1] == 0
    assert len(codes) > 9, "this should have taken more attempts"
    assert outcome_of(folder / "run") == whole


def kill_and_go_on(
    dartboard: Run, folder: Path, command: tuple[str | Path, ...], kills: Sequence[tuple[int, str, str]]
) -> None:
    """A `whole` run and a `killed` one, which comes to the same end.

    Args:
        dartboard: the command line.
        folder: where it works.
        command: up to the name of the run directory.
        kills: at which write of each try, the file that is there then, and the one that is not yet.
    """
    assert dartboard(*command, "whole").code == 0
    for at, last, next_one in kills:
        assert dartboard(*command, "killed", "--resume", halt=Halt(at)).code == -SIGKILL
        assert (folder / "killed" / last).exists()
        assert not (folder / "killed" / next_one).exists()
    assert dartboard(*command, "killed", "--resume").code == 0
    whole, killed = (outcome_of(folder / name) for name in ("whole", "killed"))
    assert killed == whole


def test_a_run_with_several_seeds_killed_in_each_of_them_comes_to_the_same_end(
    dartboard: Run, pets: Path, folder: Path
) -> None:
    """In the first search, in the second short training, and twice while what was chosen becomes that of the run."""
    command = ("run", pets, *SMALL, "--set", "search.epochs=2", "--seeds", "2", "--choose", "best-short-train", "--out")
    kills = (
        (12, "candidates/seed-0/split.json", "candidates/seed-0/genotype.json"),
        (37, "candidates/seed-1/genotype.json", "candidates/seed-1/model.json"),
        (17, "candidates/seed-1/facts.json", "choice.json"),
        (9, "choice.json", "genotype.json"),
    )
    kill_and_go_on(dartboard, folder, command, kills)
    assert (folder / "killed" / "choice.json").read_bytes() == (folder / "whole" / "choice.json").read_bytes()
    for name in ("seed-0", "seed-1"):
        whole, killed = (folder / run / "candidates" / name for run in ("whole", "killed"))
        assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()
        assert [epochs_of(killed, phase) for phase in ("search", "train")] == [2, 1]


def test_a_run_killed_among_its_finalists_comes_to_the_same_end(dartboard: Run, pets: Path, folder: Path) -> None:
    """At the end of the first short training, in the second, and before the best becomes that of the run."""
    command = ("run", pets, *SMALL, "--set", "search.epochs=1", "--finalists", "2", "--out")
    kills = (
        (19, "finalists/1/checkpoints/train-0.pt", "finalists/1/model.safetensors"),
        (21, "finalists/2/genotype.json", "finalists/2/checkpoints/train-0.pt"),
        (18, "finalists.json", "model.json"),
    )
    kill_and_go_on(dartboard, folder, command, kills)
    assert (folder / "killed" / "finalists.json").read_bytes() == (folder / "whole" / "finalists.json").read_bytes()
    for number in ("1", "2"):
        whole, killed = (folder / run / "finalists" / number for run in ("whole", "killed"))
        assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()
        assert epochs_of(killed, "train") == 1


@pytest.mark.parametrize("at", range(1, 26, 3))
def test_a_run_killed_at_any_of_its_writes_comes_to_the_same_end(
    dartboard: Run, pets: Path, folder: Path, whole: dict[str, object], at: int
) -> None:
    """The writes: settings, split, dataset, start, epochs of the search, genotype, those of the training, and so on."""
    command = ("run", pets, *SMALL, *EPOCHS, "--out", "run", "--resume")
    assert dartboard(*command, halt=Halt(at)).code == -SIGKILL
    assert dartboard(*command).code == 0
    assert outcome_of(folder / "run") == whole


def test_a_run_killed_from_outside_comes_to_the_same_end(
    dartboard: Run, tmp_path: Path, pets: Path, folder: Path
) -> None:
    """The command as installed, killed in the search and then in the training by a signal it cannot foresee."""
    command = ("run", pets, *SMALL, *LONG, "--resume", "--out")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "DARTBOARD_CACHE": str(tmp_path)}
    for phase in ("search", "train"):
        process = subprocess.Popen(
            [sys.executable, "-m", "dartboard", *command, folder / "killed"],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while epochs_of(folder / "killed", phase) < 2:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -SIGKILL
    for name in ("killed", "whole"):
        assert dartboard(*command, name).code == 0
    assert outcome_of(folder / "killed") == outcome_of(folder / "whole")


@pytest.mark.parametrize(
    ("phase", "named", "signal", "code"), [("search", False, SIGINT, 130), ("train", True, SIGTERM, 143)]
)
def test_ctrl_c_and_schedulers_are_told_how_to_go_on_and_leave_a_run_that_can(
    start: Start, dartboard: Run, pets: Path, folder: Path, phase: str, named: bool, signal: Signals, code: int
) -> None:
    running = start("run", pets, *SMALL, *LONG, *(("--out", "my run") if named else ()))
    run = folder / ("my run" if named else "runs/pets-nas-bench-201-darts-seed0")
    running.wait_until(lambda: epochs_of(run, phase) >= 2)
    running.send(signal)
    interrupted = running.end()
    sentence = SENTENCE.format(run.relative_to(folder))
    assert (interrupted.code, interrupted.out, interrupted.error.startswith(sentence)) == (code, "", True)
    assert "Traceback" not in interrupted.err
    done = epochs_of(run, phase)
    resumed = dartboard(*shlex.split(interrupted.error.removeprefix(sentence)))
    assert resumed.code == 0
    assert f"{phase}: resuming after epoch " in resumed.err
    first = next(line for line in resumed.err.splitlines() if line.startswith(f"{phase}: epoch "))
    assert int(first.split()[2].partition("/")[0]) in (done, done + 1)


def test_ctrl_c_before_anything_is_recorded_leaves_nothing(start: Start, pets: Path, folder: Path) -> None:
    outcome = start("run", pets, *SMALL, halt=Halt(1, SIGINT)).end()
    assert (outcome.code, outcome.error) == (130, NOTHING_DONE)
    assert list(folder.iterdir()) == []


def test_resuming_a_finished_run_prints_its_result_and_changes_nothing(
    dartboard: Run, pets: Path, folder: Path
) -> None:
    command = ("run", pets, *SMALL, "--out", "run", "--json")
    first = dartboard(*command)
    before = {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("[!.]*")}
    again = dartboard(*command, "--resume")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "note: The run in run has ended; this is its result.\n"
    assert {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("[!.]*")} == before


def test_a_finished_search_resumes_into_a_whole_run(dartboard: Run, pets: Path, folder: Path) -> None:
    assert dartboard("search", pets, *SMALL, "--out", "run").code == 0
    searched = (folder / "run" / "genotype.json").read_bytes()
    whole = dartboard("run", pets, *SMALL, "--out", "run", "--resume", "--json")
    assert whole.code == 0
    assert json.loads(whole.out)["test_accuracy"] is not None
    assert (folder / "run" / "genotype.json").read_bytes() == searched


def test_a_run_is_neither_overwritten_nor_mixed_nor_shared(
    start: Start, dartboard: Run, pets: Path, folder: Path
) -> None:
    running = start("run", pets, *SMALL, "--out", "run", halt=Halt(6, SIGSTOP))
    running.wait_until(lambda: (folder / "run" / "events.jsonl").exists())
    shared = dartboard("run", pets, *SMALL, "--out", "run", "--resume")
    assert shared.code == 2
    assert shared.err == (
        "dartboard: another process is working in the run directory run; wait for it or choose another --out.\n"
    )
    running.send(SIGKILL)
    running.end()
    taken = dartboard("run", pets, *SMALL, "--out", "run")
    assert (taken.code, taken.err) == (
        2,
        "dartboard: run already holds a run; add --resume to go on with it, or choose another --out.\n",
    )
    other = dartboard("run", pets, *SMALL, "--out", "run", "--resume", "--seed", "1", "--set", "train.lr=0.5")
    assert (other.code, other.err) == (
        2,
        "dartboard: the run in run began with other settings (seed, train.lr); use the same command to resume it, or "
        "choose another --out.\n",
    )
    assert dartboard("run", pets, *SMALL, "--out", "run", "--resume").code == 0


def test_a_changed_dataset_is_not_mixed_into_a_run(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path
) -> None:
    write_image_folder(folder / "pets", per_class=8)
    assert dartboard("search", "pets", *SMALL, "--out", "run", halt=Halt(7)).code == -SIGKILL
    for name in ("6.png", "7.png"):
        (folder / "pets" / "cats" / name).unlink()
    outcome = dartboard("search", "pets", *SMALL, "--out", "run", "--resume")
    assert outcome.code == 2
    assert outcome.err.startswith("dartboard: the dataset has changed since the run in run began")


@pytest.mark.parametrize("kilobytes", [2, 20, 50])
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_once_there_is_room(
    dartboard: Run, pets: Path, folder: Path, whole: dict[str, object], kilobytes: int
) -> None:
    command = ("run", pets, *SMALL, *EPOCHS, "--out", "run")
    full = dartboard(*command, file_limit=kilobytes * 1024)
    assert full.code == 2
    assert full.error.startswith("dartboard: run/")
    assert "cannot be written: File too large" in full.error
    assert "Traceback" not in full.err
    assert dartboard(*command, "--resume").code == 0
    assert outcome_of(folder / "run") == whole
