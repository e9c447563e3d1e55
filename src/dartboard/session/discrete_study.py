"""The study of a discrete search in a database, by the storages of Optuna: SQLite, or a server such as PostgreSQL.

Every architecture is a trial, its accuracies are the intermediate values. Whoever writes the first trial of an
architecture evaluates it. The pool in the run directory stays the record of the run: the database can be lost without
harm.
"""

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dartboard.engine.discrete import Evaluation
from dartboard.errors import StorageError
from dartboard.parts.discrete.samplers.optuna_trials import decision_values, distributions, missing_optuna
from dartboard.space import Genotype, SearchSpace
from dartboard.wording import listing

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["SearchStudy", "Trial", "open_study", "worker_name"]

_OWNER, _ARCHITECTURE, _FAILURE, _FACTS = "worker", "architecture", "failure", "dartboard"


class Trial(NamedTuple):
    """What a study knows of an architecture.

    Attributes:
        worker: name of the process that evaluates it.
        is_own: whether that is this process.
        results: epochs of training -> accuracy and seconds.
        failure: why its training failed, if it did.
    """

    worker: str
    is_own: bool
    results: Mapping[int, Evaluation]
    failure: str | None

    def is_known(self, epochs: int) -> bool:
        """Whether nothing has to be evaluated any more after so many epochs."""
        return self.failure is not None or epochs in self.results


@dataclass
class SearchStudy:
    """A study in a storage of Optuna.

    Attributes:
        storage: the storage.
        study_id: number of the study in it.
        place: storage and study in words, without a password.
        space: space of the search.
        worker: name of this process, the same when the run is resumed.
    """

    storage: "BaseStorage"
    study_id: int
    place: str
    space: SearchSpace
    worker: str
    _first: dict[str, int] = field(default_factory=dict)

    def claim(self, genotype: Genotype) -> Trial:
        """The trial of an architecture, made by this process if there is none yet.

        A trial is written in one transaction, and numbers are given in the order of transactions. Among trials of one
        architecture that two processes have written at once, that of the lowest number counts.

        Raises:
            StorageError: the database cannot be reached.
        """
        text = genotype.to_text()
        with _reaching(self.place):
            if text not in self._first and text not in self._look_around():
                own = self.storage.create_new_trial(self.study_id, self._template(genotype))
                if self._look_around()[text] != own:
                    self._withdraw(own)
            return self._read(self.storage.get_trial(self._first[text]))

    def peek(self, genotypes: Sequence[Genotype]) -> list[Trial | None]:
        """The trials of some architectures; None for one that nobody has claimed.

        Raises:
            StorageError: the database cannot be reached.
        """
        with _reaching(self.place):
            trials = {trial._trial_id: trial for trial in self.storage.get_all_trials(self.study_id, deepcopy=False)}
            first = self._look_around()
            found = (trials.get(first.get(each.to_text(), -1)) for each in genotypes)
            return [None if trial is None else self._read(trial) for trial in found]

    def record(self, genotype: Genotype, epochs: int, evaluation: Evaluation, last: bool) -> None:
        """Write what an evaluation has given.

        Args:
            genotype: the architecture; it is claimed.
            epochs: epochs of its training so far.
            evaluation: accuracy and seconds.
            last: whether its training has ended.

        Raises:
            StorageError: the database cannot be reached.
        """
        from optuna.trial import TrialState

        number = self._first[genotype.to_text()]
        with _reaching(self.place):
            self.storage.set_trial_user_attr(number, f"seconds {epochs}", evaluation.seconds)
            self.storage.set_trial_intermediate_value(number, epochs, evaluation.accuracy)
            if last:
                self.storage.set_trial_state_values(number, TrialState.COMPLETE, [evaluation.accuracy])

    def record_failure(self, genotype: Genotype, reason: str) -> None:
        """Write that the training of an architecture has failed.

        Raises:
            StorageError: the database cannot be reached.
        """
        from optuna.trial import TrialState

        number = self._first[genotype.to_text()]
        with _reaching(self.place):
            self.storage.set_trial_user_attr(number, _FAILURE, reason)
            self.storage.set_trial_state_values(number, TrialState.FAIL)

    def close(self) -> None:
        """Mark the trials of this process that did not get to the end as pruned.

        Raises:
            StorageError: the database cannot be reached.
        """
        from optuna.trial import TrialState

        with _reaching(self.place):
            running = self.storage.get_all_trials(self.study_id, deepcopy=False, states=(TrialState.RUNNING,))
            for trial in list(running):
                if trial.user_attrs[_OWNER] == self.worker and trial.intermediate_values:
                    reached = trial.intermediate_values[max(trial.intermediate_values)]
                    self.storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED, [reached])

    def _look_around(self) -> dict[str, int]:
        """The first trial of every architecture, by its text."""
        for trial in self.storage.get_all_trials(self.study_id, deepcopy=False):
            if not trial.user_attrs.get("withdrawn"):
                self._first.setdefault(trial.user_attrs[_ARCHITECTURE], trial._trial_id)
        return self._first

    def _read(self, trial: "FrozenTrial") -> Trial:
        own = trial.user_attrs
        results = {
            epochs: Evaluation(accuracy, own.get(f"seconds {epochs}", 0.0))
            for epochs, accuracy in trial.intermediate_values.items()
        }
        return Trial(own[_OWNER], own[_OWNER] == self.worker, results, own.get(_FAILURE))

    def _template(self, genotype: Genotype) -> "FrozenTrial":
        from optuna.trial import TrialState, create_trial

        parameters, decided = distributions(self.space), decision_values(genotype, self.space)
        return create_trial(
            state=TrialState.RUNNING,
            params={name: decided[name] for name in parameters},
            distributions=parameters,
            user_attrs={_ARCHITECTURE: genotype.to_text(), _OWNER: self.worker},
        )

    def _withdraw(self, own: int) -> None:
        from optuna.trial import TrialState

        self.storage.set_trial_user_attr(own, "withdrawn", "another process was first")
        self.storage.set_trial_state_values(own, TrialState.FAIL)


def worker_name(run: Path) -> str:
    """How a run is called in a storage: its host and its folder, so that it finds its own claims when it is resumed."""
    return f"{socket.gethostname()}:{run.resolve()}"


def open_study(url: str, name: str, facts: Mapping[str, Any], space: SearchSpace, worker: str) -> SearchStudy:
    """Open a study, or make it.

    Args:
        url: of the database, such as `sqlite:///runs/a/study.db` or `postgresql://user@host/database`.
        name: of the study.
        facts: what two processes must have in common to share a study, such as space, method and seed.
        space: space of the search.
        worker: name of this process (`worker_name`).

    Raises:
        StorageError: Optuna or a driver is missing, the URL is none, the database cannot be reached, or the study
            belongs to another search.
    """
    if reason := missing_optuna("a study in a database"):
        raise StorageError(f"{reason}.")
    import optuna
    from optuna.study import StudyDirection

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    shown = _shown(url)
    place = f"the study '{name}' in {shown}"
    with _reaching(shown):
        storage = _connect(url)
        try:
            study_id = storage.create_new_study([StudyDirection.MAXIMIZE], name)
            storage.set_study_user_attr(study_id, _FACTS, dict(facts))
        except optuna.exceptions.DuplicatedStudyError:
            study_id = storage.get_study_id_from_name(name)
        found = _settled_facts(storage, study_id)
    _refuse_other(found, facts, place)
    return SearchStudy(storage, study_id, place, space, worker)


def _settled_facts(storage: "BaseStorage", study_id: int) -> dict[str, Any]:
    """The facts of a study; another process may have made it this moment and not written them yet."""
    for _ in range(20):
        if (found := storage.get_study_user_attrs(study_id).get(_FACTS)) is not None:
            return dict(found)
        time.sleep(0.1)
    return {}


def _refuse_other(found: Mapping[str, Any], facts: Mapping[str, Any], place: str) -> None:
    if not found:
        raise StorageError(f"{place} was made by another program; name another study by search.study.")
    differing = [key for key in facts if found.get(key) != facts[key]]
    if differing:
        told = listing([f"{key} {found.get(key)} instead of {facts[key]}" for key in differing])
        raise StorageError(f"{place} belongs to another search, with {told}; name another study by search.study.")


def _connect(url: str) -> "BaseStorage":
    import optuna
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    parsed = make_url(url)
    backend = parsed.get_backend_name()
    arguments: dict[str, Any] = {"connect_timeout": 10} if backend == "postgresql" else {}
    if backend == "sqlite":
        arguments = {"timeout": 60}
        if parsed.database and not Path(parsed.database).parent.is_dir():
            raise StorageError(f"there is no folder {Path(parsed.database).parent} for the database {url}; create it.")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername=_postgres_driver())
    made = optuna.storages.RDBStorage(
        parsed.render_as_string(hide_password=False),
        engine_kwargs={"connect_args": arguments, "poolclass": NullPool},  # none stays open while a network is trained
    )
    return optuna.storages.get_storage(made)


def _postgres_driver() -> str:
    from importlib.util import find_spec

    return "postgresql+psycopg" if find_spec("psycopg") else "postgresql+psycopg2"


def _shown(url: str) -> str:
    """The URL without its password."""
    try:
        from sqlalchemy.engine import make_url

        return make_url(url).render_as_string(hide_password=True)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, `_connect` tells
        return url.rpartition("@")[2]


@contextmanager
def _reaching(place: str) -> Iterator[None]:
    """Turn what databases and their drivers raise into one sentence."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise StorageError(
            f"'{place}' is no URL of a database; write it like postgresql://user@host/database, or sqlite:///file.db."
        ) from error
    except ImportError as error:
        raise StorageError(
            f"{place} needs a database driver that is not installed ({error}); for PostgreSQL install "
            "'dartboard[optuna]'."
        ) from error
    except (SQLAlchemyError, OptunaError, RuntimeError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200].rstrip(".")
        raise StorageError(
            f"{place} cannot be used ({reason}); check that the database is there and takes connections, and resume "
            "the run."
        ) from error
