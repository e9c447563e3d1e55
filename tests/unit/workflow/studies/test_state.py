"""The state of a study: what every trial is at, whoever works on it and whatever happens to them."""

import multiprocessing
import os
import signal
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from dartboard.errors import SettingsError, StateError
from dartboard.workflow.studies.database import recorded_place
from dartboard.workflow.studies.processes import is_dead, this_process
from dartboard.workflow.studies.state import MOST_LOSSES, Claim, StudyState, Watch
from dartboard.workflow.studies.trial import Trial

from .trivial_trials import trial

_ELSEWHERE = "another-boot.pid:[1]/1/1"


def claim(state: StudyState, process: str = _ELSEWHERE) -> Claim | None:
    return state.claim(uuid.uuid4().hex, process, "here")


def taken(state: StudyState, process: str = _ELSEWHERE) -> Claim:
    found = claim(state, process)
    assert found is not None
    return found


def statuses(state: StudyState) -> list[str]:
    return [each.status for each in state.trials()]


@pytest.fixture
def state(tmp_path: Path) -> StudyState:
    made = StudyState.open(tmp_path)
    made.enroll([trial("a"), trial("b"), trial("c", needs=("a", "b"))])
    return made


def test_trials_come_in_order_and_after_those_that_they_need(state: StudyState) -> None:
    first, second = taken(state), taken(state)
    assert (first.trial, second.trial) == (trial("a"), trial("b"))
    assert claim(state) is None
    assert state.finish(first, 1.0)
    assert claim(state) is None
    assert state.finish(second, 1.0)
    assert taken(state).trial.key == "c"
    assert statuses(state) == ["done", "done", "running"]


def test_a_failure_is_tried_again_then_recorded_and_ends_what_needs_it(state: StudyState) -> None:
    assert state.fail(taken(state), "once", 1)
    assert statuses(state)[0] == "waiting"
    assert state.fail(taken(state), "twice", 1)
    other = taken(state)
    assert other.trial.key == "b"
    assert statuses(state) == ["failed", "running", "failed"]
    assert [each.error for each in state.trials()] == ["twice", "", "it needs the trial a, which has failed"]
    state.enroll([trial("a"), trial("b"), trial("c", needs=("a", "b"))], again=True)
    assert statuses(state) == ["waiting", "running", "waiting"]


def test_an_interruption_is_no_failure(state: StudyState) -> None:
    assert state.release(taken(state))
    assert state.trials()[0].failures == 0
    assert taken(state).trial.key == "a"


def test_a_claim_that_was_lost_changes_nothing_any_more(state: StudyState) -> None:
    old = taken(state)
    assert state.lose("a", old.token)
    new = taken(state)
    assert new.trial.key == "a"
    assert not state.beat(old, {})
    assert not state.finish(old, 1.0)
    assert not state.fail(old, "late", 0)
    assert not state.release(old)
    assert statuses(state)[0] == "running"
    assert state.beat(new, {"phase": "search"})


def test_a_larger_study_keeps_what_is_done_and_leaves_what_is_not_asked_for(state: StudyState) -> None:
    assert state.finish(taken(state), 2.0)
    state.enroll([trial("a"), trial("d")])
    assert [(each.key, each.status) for each in state.trials()] == [("a", "done"), ("d", "waiting")]
    state.enroll([trial("a"), trial("b")], lost=["a"])
    assert statuses(state) == ["waiting", "waiting"]


def test_a_trial_whose_process_vanishes_again_and_again_is_recorded_as_failed(state: StudyState) -> None:
    for _ in range(MOST_LOSSES):
        assert state.lose("a", taken(state).token)
    assert statuses(state)[0] == "failed"
    assert "vanished" in state.trials()[0].error


def test_a_count_that_does_not_grow_tells_of_death_by_the_clock_of_who_watches(state: StudyState) -> None:
    now = 1000.0
    watch, mine = Watch(60.0, lambda: now), taken(state)
    assert watch.free(state, state.trials()) == []
    now += 59
    state.beat(mine, {})
    assert watch.free(state, state.trials()) == []
    now += 59
    assert watch.free(state, state.trials()) == []
    seen = state.trials()
    now += 2
    state.beat(mine, {})  # after the look, before the claim is taken away
    assert watch.free(state, seen) == []
    now += 61
    assert watch.free(state, state.trials()) == []  # the first look at the count that has grown
    now += 61
    assert [each.key for each in watch.free(state, state.trials())] == ["a"]
    assert statuses(state)[0] == "waiting"


def test_a_dead_process_of_this_host_is_known_at_once(state: StudyState) -> None:
    place, number, started = this_process().split("/")
    assert not is_dead(this_process())
    assert not is_dead(f"elsewhere/{number}/{started}")
    assert is_dead(f"{place}/{number}/{int(started or 0) - 1}")  # another process had the number before
    gone = taken(state, f"{place}/{number}/0")
    assert [each.token for each in Watch(1e9).free(state, state.trials())] == [gone.token]


def test_the_threads_of_a_study_are_settled_once(tmp_path: Path, state: StudyState) -> None:
    assert state.recorded_threads() is None
    assert state.threads(3) == 3
    assert StudyState.open(tmp_path).threads(8) == 3


def test_a_study_knows_its_database_without_the_password(tmp_path: Path) -> None:
    place = tmp_path / "elsewhere.sqlite"
    first = StudyState.open(tmp_path / "study", f"sqlite:///{place}")
    first.enroll([trial("a")])
    other = StudyState.open(tmp_path / "other", f"sqlite:///{place}")
    other.enroll([trial("b")])
    again = StudyState.open(tmp_path / "study")
    assert [each.key for each in again.trials()] == ["a"]
    assert place.exists()
    with pytest.raises(StateError, match="start it or correct --state") as raised:
        StudyState.open(tmp_path / "study", "postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(raised.value)
    assert recorded_place(tmp_path / "study") == f"sqlite:///{place}"
    with pytest.raises(StateError):
        StudyState.open(tmp_path / "new", "postgresql://me:secret@127.0.0.1:1/none")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://", "postgresql://host:port/name"])
def test_a_url_that_is_none_is_refused_in_a_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="give one as in postgresql://"):
        StudyState.open(tmp_path, url)


def test_a_damaged_file_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StateError, match=r"state\.sqlite.*delete it.*what has ended is kept"):
        StudyState.open(tmp_path)


def test_a_need_that_is_not_in_the_study_is_a_fault(state: StudyState) -> None:
    with pytest.raises(ValueError, match="needs z"):
        state.enroll([trial("a", needs=("z",))])


def _take_all(folder: Path, log: Path, lingers: bool) -> None:
    state = StudyState.open(folder)
    while (mine := claim(state, this_process())) is not None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{mine.trial.key}\n")
        while lingers:
            time.sleep(0.01)
        state.beat(mine, {"phase": "search"})
        state.finish(mine, 0.1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_of_several_processes_no_two_make_the_same_trial_and_a_killed_one_keeps_none(tmp_path: Path) -> None:
    wanted = [trial(f"t{number}") for number in range(40)]
    StudyState.open(tmp_path).enroll(wanted)
    fork = multiprocessing.get_context("fork")
    logs = [tmp_path / f"log-{number}" for number in range(4)]
    for log in logs:
        log.touch()  # a process that begins when the others have taken everything writes nothing
    killed, *others = (fork.Process(target=_take_all, args=(tmp_path, log, log == logs[0])) for log in logs)
    killed.start()
    while not logs[0].stat().st_size:
        time.sleep(0.01)
    for each in others:
        each.start()
    for each in others:
        each.join(60)
    state = StudyState.open(tmp_path)
    assert statuses(state).count("done") == 39
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    killed.join(60)
    lost = logs[0].read_text(encoding="utf-8").split()
    assert [each.key for each in Watch(1e9).free(state, state.trials())] == lost
    _take_all(tmp_path, logs[0], lingers=False)
    assert statuses(state) == ["done"] * 40
    made = Counter(key for log in logs for key in log.read_text(encoding="utf-8").split())
    assert {key for key, times in made.items() if times != 1} == set(lost)
    assert len(made) == 40


def test_a_trial_comes_back_from_the_table_as_it_was(tmp_path: Path) -> None:
    asked = Trial("k", {"method": "darts"}, {"search": {"epochs": 2}}, "trials/k", (), "train", ("k",), ("s",), "best")
    state = StudyState.open(tmp_path)
    state.enroll([asked])
    assert taken(state).trial == asked
