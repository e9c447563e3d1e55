"""Who makes the trials of a study: this process, worker processes, or those of a cluster."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from dartboard.display import LiveDisplay, PlainDisplay
from dartboard.errors import Interrupted, SettingsError, StateError
from dartboard.runs import Epoch, Observer, ProgressKeeper, RunDirectory, StudyProgress, TrialProgress
from dartboard.workflow.studies.state import StudyState
from dartboard.workflow.studies.telling import progress_of
from dartboard.workflow.studies.trial import Trial
from dartboard.workflow.studies.workers import run_trials

from ..tiny import Listener
from .trivial_trials import RUNNER, trial, tries

HERE = Path(__file__).parent
SOURCE = HERE.parents[3] / "src"


class Watcher(Listener):
    """Keeps what it was told of the study."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[StudyProgress] = []

    def study(self, progress: StudyProgress) -> None:
        self.seen.append(progress)


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{HERE}")


def make(trials: Sequence[Trial], folder: Path, observer: Observer | None = None, **how: object) -> dict[str, str]:
    return run_trials(trials, folder, observer=observer, runner=RUNNER, **{"workers": 0, **how})  # type: ignore[arg-type]


def test_trials_that_fail_are_tried_again_and_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    wanted = [
        trial("once", "fails 1"),
        trial("always", "fails"),
        trial("after", needs=("always",)),
        trial("good"),
    ]
    ended: dict[str, str | None] = {}
    listener = Listener()
    failed = make(wanted, tmp_path, listener, ended=lambda each, reason: ended.update({each.key: reason}))
    assert failed == {
        "always": "RuntimeError: always is broken",
        "after": "it needs the trial always, which has failed",
    }
    assert ended == {"once": None, "good": None, **failed}
    assert {name: len(tries(tmp_path, name)) for name in ("once", "always", "after", "good")} == {
        "once": 2,
        "always": 2,
        "after": 0,
        "good": 1,
    }
    assert "Trial once failed and is tried again: RuntimeError: once is broken" in listener.notes


def test_a_study_makes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    make([trial("a"), trial("b")], tmp_path)
    make([trial("a"), trial("b")], tmp_path)
    make([trial("a"), trial("b"), trial("c")], tmp_path)
    assert [len(tries(tmp_path, name)) for name in "abc"] == [1, 1, 1]
    (tmp_path / "trials" / "b" / "result.json").unlink()
    make([trial("a"), trial("b"), trial("c")], tmp_path)
    assert [len(tries(tmp_path, name)) for name in "abc"] == [1, 2, 1]


def test_failed_trials_are_made_again_by_the_next_command_unless_told_otherwise(tmp_path: Path) -> None:
    wanted = [trial("a", "fails 2")]
    assert "a" in make(wanted, tmp_path)
    assert "a" in make(wanted, tmp_path, again=False)
    assert len(tries(tmp_path, "a")) == 2
    assert make(wanted, tmp_path) == {}


def test_a_worker_process_that_is_killed_is_replaced_and_its_trial_made_again(tmp_path: Path) -> None:
    watcher = Watcher()
    wanted = [trial("killed", "dies 1"), trial("good")]
    assert make(wanted, tmp_path, watcher, workers=1) == {}
    first, second = tries(tmp_path, "killed")
    assert first != second
    assert os.getpid() not in (first, second)
    assert tries(tmp_path, "good") == [second]
    assert any("SIGKILL" in note and "tried again" in note for note in watcher.notes)
    assert (watcher.seen[-1].done, watcher.seen[-1].running) == (2, ())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    threads = max(1, cores // 2)
    assert (tmp_path / "trials" / "good" / "cores").read_text() == f"{cores} {min(threads, cores)}"


def test_bad_numbers_and_clusters_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    place = tmp_path / "study"
    for how in ({"retries": -1}, {"cluster": "kubernetes"}, {"cluster": "slurm:x"}, {"cluster": "slurm", "workers": 0}):
        with pytest.raises(SettingsError):
            make([trial("a")], place, **how)
    assert not place.exists()
    with pytest.raises(StateError, match="does not answer"):
        make([trial("a")], place, state_url="postgresql://127.0.0.1:1/none")


def test_an_interruption_gives_the_trial_back_and_names_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(asked: Trial, folder: Path, observer: Observer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trivial_trials.make", interrupted)
    with pytest.raises(Interrupted, match="resume=True go on"):
        make([trial("a")], tmp_path)
    (only,) = StudyState.open(tmp_path).trials()
    assert (only.status, only.failures) == ("waiting", 0)


def test_the_time_that_is_left_comes_from_trials_that_have_ended_and_from_those_that_run(tmp_path: Path) -> None:
    state = StudyState.open(tmp_path)
    state.enroll([trial(name) for name in "abcd"])
    assert progress_of(state.trials(), 2).left is None
    first = state.claim("one", "here/1/1", "host")
    assert first is not None
    state.finish(first, 100.0)
    second = state.claim("two", "here/1/1", "host")
    assert second is not None
    state.beat(second, {"phase": "search", "epoch": 1, "epochs": 4, "share": 0.25, "left": 60.0})
    progress = progress_of(state.trials(), 2)
    assert progress == StudyProgress(4, 1, 0, (TrialProgress("b", "search", 1, 4, 0.25, 60.0, "host"),), 130.0)


def test_a_keeper_knows_how_far_a_run_is() -> None:
    now = 0.0
    keeper = ProgressKeeper(Observer(), lambda: now)
    assert keeper.told() == {"phase": "", "epoch": 0, "epochs": 0, "share": 0.0, "left": None}
    keeper.begin("search", epochs=4, steps=5, done=1)
    for _ in range(5):
        keeper.step()
    now = 10.0
    assert keeper.told() == {"phase": "search", "epoch": 1, "epochs": 4, "share": 0.5, "left": 20.0}
    keeper.expect(7.0)
    now = 12.0
    assert keeper.told()["left"] == 5.0


def test_every_running_trial_is_shown() -> None:
    running = (TrialProgress("first", "search", 1, 4, 0.25, 60.0, "a"), TrialProgress("second", host="b"))
    progress = StudyProgress(9, 3, 1, running, 130.0)
    plain = Console(record=True, width=200, force_terminal=False, file=io.StringIO())
    PlainDisplay(plain).study(progress)
    live = Console(record=True, width=120, force_terminal=True, file=io.StringIO())
    display = LiveDisplay(live)
    display.study(progress)
    live.print(display.render())
    for console in (plain, live):
        text = console.export_text()
        assert "3 of 9 trials done, 1 failed, 2 running, 3 waiting, left about 2 min 10 s" in text
        assert "search, epoch 1/4" in text
        assert "second" in text


_STUDY = """
import sys
from pathlib import Path
from dartboard.errors import Interrupted
from dartboard.workflow.studies.workers import run_trials
from trivial_trials import RUNNER, trial
import signal
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    run_trials([trial("a", "sleeps 600"), trial("b", "sleeps 600")], Path(sys.argv[1]), workers=2, runner=RUNNER)
except Interrupted as error:
    sys.exit(str(error))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command_and_the_study_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    command = subprocess.Popen([sys.executable, "-c", _STUDY, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (tries(tmp_path, "a") and tries(tmp_path, "b")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    command.send_signal(number)
    _, told = command.communicate(timeout=120)
    assert ("resume=True go on with it" in told) == (number == signal.SIGTERM)
    state = StudyState.open(tmp_path)
    while any(each.status == "running" for each in state.trials()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [(each.status, each.failures, each.losses) for each in state.trials()] == [("waiting", 0, 0)] * 2
    assert make([trial("a", "sleeps 600"), trial("b", "sleeps 600")], tmp_path) == {}
    assert [len(tries(tmp_path, name)) for name in "ab"] == [2, 2]


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    from .test_joining import trial as search

    changes = {"method": "darts", "search": {"epochs": 2, "steps_per_epoch": 3, "validation_images": 16}}
    wanted = [search(seed, changes, "run") for seed in range(2)]
    found = {}
    for workers in (0, 1, 2):
        place = tmp_path / str(workers)
        assert run_trials(wanted, place, workers=workers, threads=1) == {}
        logs = [RunDirectory(place / each.folder).events.read() for each in wanted]
        found[workers] = [
            event.model_copy(update={"seconds": 0, "deciding_seconds": 0, "scoring_seconds": 0})
            for log in logs
            for event in log
            if isinstance(event, Epoch)
        ]
        assert StudyState.open(place).recorded_threads() == 1
    assert len(found[0]) > 2
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_the_job_script_of_slurm_works_on_the_study(tmp_path: Path) -> None:
    study, tools, listener = tmp_path / "a study", tmp_path / "bin", Listener()
    wanted = [trial("a"), trial("b", "fails 1"), trial("c", "dies 1"), trial("d", needs=("a",))]
    assert make(wanted, study, listener, cluster="slurm", workers=2) == {}
    assert any("sbatch" in note and "4 trials" in note for note in listener.notes)
    assert [each.status for each in StudyState.open(study).trials()] == ["waiting"] * 4
    script = (study / "slurm.sh").read_text(encoding="utf-8")
    assert "#SBATCH --array=0-1\n" in script
    tools.mkdir()
    (tools / "srun").write_text('#!/bin/bash\nexec "$@"\n', encoding="utf-8")
    (tools / "srun").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    bash = ["bash", str(study / "slurm.sh")]
    tasks = [{**environment, "SLURM_ARRAY_TASK_ID": number} for number in "01"]
    codes = [subprocess.run(bash, env=each, timeout=300).returncode for each in tasks]
    assert codes == [137, 0]  # the first one made the trial that kills its process
    assert [each.status for each in StudyState.open(study).trials()] == ["done"] * 4
    assert make(wanted, study, workers=2) == {}
    assert [len(tries(study, name)) for name in "abcd"] == [1, 2, 2, 1]
