import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dartboard.errors import CheckpointError, RunDirectoryError
from dartboard.runs import PhaseEnd, RunDirectory, next_free

SETTINGS = {"seed": 0, "search": {"epochs": 5}}
HOLD = """
import sys
from pathlib import Path
from dartboard.runs import RunDirectory
with RunDirectory(Path(sys.argv[1])) as run:
    run.claim({})
    print("held", flush=True)
    sys.stdin.readline()
"""


def begin(path: Path) -> None:
    with RunDirectory(path) as run:
        run.check(SETTINGS, resume=False)
        run.claim(SETTINGS)


def test_a_claimed_run_keeps_its_settings(tmp_path: Path) -> None:
    begin(tmp_path / "runs" / "a")
    with RunDirectory(tmp_path / "runs" / "a") as run:
        assert run.read("settings.json") == SETTINGS
        run.claim({"seed": 1})
        assert run.read("settings.json") == SETTINGS


def test_a_folder_created_for_a_run_that_never_began_is_removed_with_its_parents(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "runs" / "deep" / "a") as run:
        assert run.path.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_it_is_removed_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunDirectory(tmp_path / "runs" / "a"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with RunDirectory(tmp_path / "a"):
        pass
    assert (tmp_path / "a").is_dir()


def test_a_parent_in_which_another_run_has_settled_stays(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "runs" / "a"):
        begin(tmp_path / "runs" / "b")
    assert [entry.name for entry in (tmp_path / "runs").iterdir()] == ["b"]


def test_a_run_with_any_file_is_not_removed(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a") as run:
        run.save_checkpoint("search", "search", {"epoch": 1})
    assert (tmp_path / "a" / "checkpoints" / "search.pt").exists()


def test_a_run_in_use_by_another_process_is_refused_until_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunDirectoryError, match=r"another process is working in the run directory .*choose"):
            RunDirectory(path).__enter__()
        process.kill()
    with RunDirectory(path) as run:
        assert run.has("settings.json")


def test_leaving_releases_the_run(tmp_path: Path) -> None:
    begin(tmp_path / "a")
    for _ in range(2):
        with RunDirectory(tmp_path / "a") as run:
            run.check(SETTINGS, resume=True)


@pytest.mark.parametrize(
    ("place", "why"), [("file", "it is a file"), ("file/below", "Not a directory"), ("x" * 300, ".* too long")]
)
def test_a_place_that_cannot_be_a_folder_is_named(tmp_path: Path, place: str, why: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunDirectoryError, match=rf"cannot be created or written: {why}; choose another --out"):
        RunDirectory(tmp_path / place).__enter__()
    assert (tmp_path / "file").read_text() == "mine"


def test_entering_clears_away_what_a_killed_write_left(tmp_path: Path) -> None:
    begin(tmp_path / "a")
    (tmp_path / "a" / "checkpoints").mkdir()
    leftovers = [tmp_path / "a" / ".model.json.x1.tmp", tmp_path / "a" / "checkpoints" / ".search.pt.x2.tmp"]
    for leftover in leftovers:
        leftover.write_text("half")
    with RunDirectory(tmp_path / "a") as run:
        assert run.has("settings.json")
    assert not any(leftover.exists() for leftover in leftovers)


def test_a_new_run_takes_an_empty_folder_with_or_without_resume(tmp_path: Path) -> None:
    for resume in (False, True):
        with RunDirectory(tmp_path / "a") as run:
            run.check(SETTINGS, resume=resume)


def test_a_run_is_not_begun_twice(tmp_path: Path) -> None:
    begin(tmp_path / "a")
    with RunDirectory(tmp_path / "a") as run:
        with pytest.raises(RunDirectoryError, match="already holds a run; add --resume to go on with it, or choose"):
            run.check(SETTINGS, resume=False)
        run.check(SETTINGS, resume=True)


def test_a_resumed_run_has_the_settings_it_began_with(tmp_path: Path) -> None:
    begin(tmp_path / "a")
    changed = {"seed": 1, "search": {"epochs": 6}}
    with (
        RunDirectory(tmp_path / "a") as run,
        pytest.raises(RunDirectoryError, match=r"began with other settings \(search\.epochs, seed\); use the same"),
    ):
        run.check(changed, resume=True)


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "photo.png").write_bytes(b"mine")
    with (
        RunDirectory(tmp_path) as run,
        pytest.raises(RunDirectoryError, match="is not empty and holds no run of dartboard; choose another --out"),
    ):
        run.check(SETTINGS, resume=resume)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"photo.png", ".lock"}


def test_checking_writes_nothing(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a") as run:
        run.check(SETTINGS, resume=False)
        assert {entry.name for entry in run.path.iterdir()} <= {".lock"}


def test_checkpoints_are_kept_by_name_and_kind(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a") as run:
        assert run.load_checkpoint("search", "search") is None
        run.save_checkpoint("search", "search", {"epoch": 2, "w": torch.ones(3)})
        state = run.load_checkpoint("search", "search")
        assert state is not None
        assert state["epoch"] == 2
        with pytest.raises(CheckpointError, match="kind 'train'"):
            run.load_checkpoint("search", "train")


def test_events_lie_in_the_folder(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "a") as run:
        run.events.append(PhaseEnd(phase="data", seconds=1.5))
    line = '{"event": "phase", "phase": "data", "seconds": 1.5, "memory": null}\n'
    assert (tmp_path / "a" / "events.jsonl").read_text() == line


def test_the_next_free_name_counts_from_two(tmp_path: Path) -> None:
    path = tmp_path / "digits-darts"
    found = []
    for _ in range(3):
        found.append(next_free(path).name)
        next_free(path).mkdir()
    assert found == ["digits-darts", "digits-darts-2", "digits-darts-3"]
    path.rmdir()
    assert next_free(path) == path


def test_what_a_killed_process_was_writing_is_removed(tmp_path: Path) -> None:
    begin(tmp_path / "a")
    leftovers = [tmp_path / "a" / ".genotype.json.x1.tmp", tmp_path / "a" / "checkpoints" / ".search.pt.x2.tmp"]
    leftovers[1].parent.mkdir(exist_ok=True)
    for leftover in leftovers:
        leftover.touch()
    with RunDirectory(tmp_path / "a"):
        assert not any(leftover.exists() for leftover in leftovers)


def test_a_run_killed_while_it_recorded_its_settings_can_begin_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".settings.json.x1.tmp").touch()
    with RunDirectory(tmp_path / "a") as run:
        run.check({}, resume=True)


def test_temporary_files_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "a" / "deep" / ".letter.tmp"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    (tmp_path / "a" / ".draft.tmp").touch()
    with RunDirectory(tmp_path / "a") as run, pytest.raises(RunDirectoryError, match="holds no run"):
        run.check({}, resume=True)
    assert theirs.exists()
    assert (tmp_path / "a" / ".draft.tmp").exists()


@pytest.mark.parametrize("content", ["[]", '{"epochs": "many"}', "{}", "null"])
def test_content_of_another_form_is_one_sentence(tmp_path: Path, content: str) -> None:
    with RunDirectory(tmp_path) as run:
        (tmp_path / "some.json").write_text(content)
        with pytest.raises(RunDirectoryError, match=r"some\.json does not hold what a run writes .*; restore"):
            run.read_as("some.json", lambda found: int(found["epochs"]))
        (tmp_path / "some.json").write_text('{"epochs": 3}')
        assert run.read_as("some.json", lambda found: int(found["epochs"])) == 3
