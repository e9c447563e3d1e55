"""Studies whose trials many hosts make: with a PostgreSQL server, and on a Ray cluster of several nodes."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dartboard.errors import SettingsError, StateError
from dartboard.workflow.studies.processes import host, this_process
from dartboard.workflow.studies.state import StudyState, Watch
from dartboard.workflow.studies.workers import run_trials
from postgres_server import postgres_server

from ..tiny import Listener
from .trivial_trials import RUNNER, trial, tries

HERE = Path(__file__).parent
SOURCE = HERE.parents[3] / "src"

pytestmark = pytest.mark.filterwarnings("ignore")  # those of Ray and of forks are not ours


@pytest.fixture
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(autouse=True)
def _findable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", f"{SOURCE}{os.pathsep}{HERE}")


def _take_all(folder: Path, url: str, log: Path, lingers: bool) -> None:
    state = StudyState.open(folder, url, shared=True)
    while (mine := state.claim(f"{os.getpid()}-{time.monotonic_ns()}", this_process(), host())) is not None:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{mine.trial.key}\n")
        while lingers:
            time.sleep(0.01)
        state.beat(mine, {"phase": "search"})
        state.finish(mine, 0.1)


@pytest.mark.slow
def test_on_a_postgresql_server_no_two_processes_make_the_same_trial(tmp_path: Path, postgres: str) -> None:
    fork, logs = multiprocessing.get_context("fork"), [tmp_path / f"log-{number}" for number in range(4)]
    wanted = [trial(f"t{number}") for number in range(40)]
    state = StudyState.open(tmp_path / "study", postgres)
    state.enroll(wanted)
    state.close()
    workers = [fork.Process(target=_take_all, args=(tmp_path / "study", postgres, log, log == logs[0])) for log in logs]
    workers[0].start()
    while not logs[0].exists():
        time.sleep(0.01)
    for each in workers[1:]:
        each.start()
    for each in workers[1:]:
        each.join(60)
    assert workers[0].pid is not None
    os.kill(workers[0].pid, signal.SIGKILL)
    workers[0].join(60)
    state = StudyState.open(tmp_path / "study")  # it remembers the server
    lost = logs[0].read_text(encoding="utf-8").split()
    assert [each.key for each in Watch(1e9).free(state, state.trials())] == lost
    _take_all(tmp_path / "study", postgres, logs[0], lingers=False)
    assert [each.status for each in state.trials()] == ["done"] * 40
    made = [key for log in logs for key in log.read_text(encoding="utf-8").split()]
    assert sorted(made) == sorted([*(each.key for each in wanted), *lost])
    state.close()


@pytest.mark.slow
def test_two_studies_share_a_server_and_worker_processes_use_it(tmp_path: Path, postgres: str) -> None:
    for name in ("one", "other"):
        wanted = [trial("a", "fails 1"), trial("b", needs=("a",))]
        assert run_trials(wanted, tmp_path / name, state_url=postgres, workers=1, runner=RUNNER) == {}
        assert [len(tries(tmp_path / name, key)) for key in "ab"] == [2, 1]
    assert not (tmp_path / "one" / "state.sqlite").exists()


@pytest.mark.slow
def test_a_server_that_stops_answering_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    with postgres_server() as url:
        assert run_trials([trial("a")], tmp_path, state_url=url, workers=0, runner=RUNNER) == {}
    with pytest.raises(StateError, match=r"127\.0\.0\.1.*does not answer.*what has ended is kept"):
        run_trials([trial("a")], tmp_path, workers=0, runner=RUNNER)
    listener = Listener()
    place = f"sqlite:///{tmp_path}/other.sqlite"
    assert run_trials([trial("a")], tmp_path, state_url=place, workers=0, runner=RUNNER, observer=listener) == {}
    assert any("was in postgresql" in note for note in listener.notes)


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Ray cluster of three nodes on this machine; the first one makes no trials."""
    pytest.importorskip("ray")
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "3")
    store = {"object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **store})
    yield cluster, store
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_a_ray_cluster_makes_the_study_although_a_node_dies(tmp_path: Path, ray_cluster: Any) -> None:
    cluster, store = ray_cluster
    nodes = [cluster.add_node(num_cpus=1, **store) for _ in range(2)]
    cluster.wait_for_nodes()
    wanted = [
        *(trial(f"slow{number}", "sleeps 25") for number in range(2)),
        trial("once", "fails 1"),
        trial("always", "fails"),
        trial("after", needs=("once",)),
        trial("never", needs=("always",)),
    ]
    killed = []

    class Killer(Listener):
        def study(self, progress: Any) -> None:
            if not killed and {each.key for each in progress.running} == {"slow0", "slow1"}:
                killed.append(True)
                cluster.remove_node(nodes[0], allow_graceful=False)

    listener = Killer()
    cluster_name = f"ray:{cluster.address}"
    failed = run_trials(
        wanted, tmp_path, observer=listener, cluster=cluster_name, threads=1, runner=RUNNER, patience=20.0
    )
    assert set(failed) == {"always", "never"}
    assert killed
    assert sorted(len(tries(tmp_path, f"slow{number}")) for number in range(2)) == [1, 2]
    assert {name: len(tries(tmp_path, name)) for name in ("once", "always", "after", "never")} == {
        "once": 2,
        "always": 2,
        "after": 1,
        "never": 0,
    }


def test_a_ray_cluster_that_does_not_answer_is_refused_in_a_sentence(tmp_path: Path) -> None:
    try:
        import ray  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(SettingsError, match=r"pip install 'dartboard\[ray\]'"):
            run_trials([trial("a")], tmp_path, cluster="ray", runner=RUNNER)
        return
    with pytest.raises(StateError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        run_trials([trial("a")], tmp_path, cluster="ray:127.0.0.1:1", runner=RUNNER)
