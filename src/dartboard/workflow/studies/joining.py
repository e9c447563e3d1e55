"""Finished runs made elsewhere take the places of a study's trials, if their settings and images are the same."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dartboard.config import changed_keys
from dartboard.errors import DartboardError, RunDirectoryError
from dartboard.records import Result, RunDataset, Split
from dartboard.runs import Observer, RunDirectory
from dartboard.session import Session, open_session
from dartboard.settings import search_request, train_request
from dartboard.settings.migration import migrate
from dartboard.settings.tree import AutomaticChoice, RunSettings
from dartboard.wording import count, listing, some
from dartboard.workflow.overview import run_directories
from dartboard.workflow.studies.processes import host, this_process
from dartboard.workflow.studies.state import StudyState
from dartboard.workflow.studies.trial import Trial, architecture_of

__all__ = ["Joining", "join_runs"]

_PLACE = ("source", "device", "automatic_choices")
"""What may differ: where the images are and where it was computed; what was chosen must be the same, not why."""

_TESTED = ("run", "train")
_MOST_KEYS = 4


@dataclass
class Joining:
    """What came of a folder of runs.

    Attributes:
        joined: folder of each run that joined -> key of its trial.
        refused: folder of each other run -> the reason, as the end of a sentence.
    """

    joined: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class _Run(NamedTuple):
    """A finished run, and what it says of itself."""

    path: Path
    settings: Mapping[str, Any]
    choices: tuple[AutomaticChoice, ...]
    is_tested: bool

    @property
    def about(self) -> tuple[object, ...]:
        """What it shares with its trial at least."""
        return _about(self.settings)


def join_runs(
    trials: Sequence[Trial], study_folder: Path, folder: Path, *, state_url: str | None = None, observer: Observer
) -> Joining:
    """Copy the finished runs in a folder into a study, each as the trial that has its settings and images.

    Args:
        trials: the trials of the study, each after those that it needs.
        study_folder: directory of the study.
        folder: the folder that holds run directories, at any depth.
        state_url: URL of the database for the state of the study, as in `run_trials`.
        observer: is told of every run that is refused, and why.

    Returns:
        What came of every run.

    Raises:
        RunDirectoryError: there is no such folder, no run is in it, or it is that of the study.
        StateError: the database does not answer.
    """
    found = _found(folder, study_folder)
    report = Joining()
    runs = {run.path: run for run in _finished(found, report)}
    study_folder.mkdir(parents=True, exist_ok=True)
    state = StudyState.open(study_folder, state_url)
    try:
        state.enroll(trials, again=True, lost=state.without_results(study_folder))
        done = {trial.key for trial in trials if (study_folder / trial.folder / "result.json").exists()}
        matching = _Matching(study_folder, observer)
        for trial in trials:
            for run in matching.of(trial, list(runs.values())):
                reason = "its trial has ended already" if trial.key in done else _refusal(run, trial)
                if not reason and not _take_in(run, trial, study_folder, state):
                    reason = "another process works on its trial, or a trial that it needs has not ended"
                if reason:
                    matching.reasons[run.path] = f"{reason} ({trial.key})"
                    continue
                done.add(trial.key)
                report.joined[str(run.path)] = trial.key
                del runs[run.path]
    finally:
        state.close()
    report.refused |= {str(path): matching.reason(run) for path, run in runs.items()}
    _tell(report, observer)
    return report


def _found(folder: Path, study_folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise RunDirectoryError(f"there is no folder {folder} to join; name the folder that holds the runs.")
    own = study_folder.resolve()
    if own == folder.resolve() or own in folder.resolve().parents:
        raise RunDirectoryError(f"{folder} is in the directory of the study itself; name the folder of other runs.")
    found = sorted(path for path in run_directories(folder) if own not in path.resolve().parents)
    if not found:
        raise RunDirectoryError(f"there is no run in {folder}; name the folder that holds the runs.")
    return found


def _finished(paths: Sequence[Path], report: Joining) -> Iterator[_Run]:
    for path in paths:
        run = RunDirectory(path)
        if not (run.has("result.json") and run.has("facts.json") and run.has("settings.json")):
            report.refused[str(path)] = "it has not ended; --resume goes on with it"
            continue
        try:
            settings = run.read_as("settings.json", migrate)
            choices = tuple(map(AutomaticChoice.model_validate, settings.get("automatic_choices", ())))
            result = Result.read(path)
        except (DartboardError, ValueError) as error:
            report.refused[str(path)] = str(error).rstrip(".")
            continue
        yield _Run(path, settings, choices, result.test_accuracy is not None)


class _Matching:
    """Finds the runs whose settings and images are those of a trial, and remembers why others are not.

    Attributes:
        reasons: folder of a run -> why it is no trial of the study; of several trials, of the one nearest to it.

    Args:
        study_folder: directory of the study.
        observer: is told about the reading of images.
    """

    def __init__(self, study_folder: Path, observer: Observer) -> None:
        self._folder, self._observer = study_folder, observer
        self.reasons: dict[Path, str] = {}
        self._nearest: dict[Path, int] = {}
        self._images: tuple[object, Session] | None = None

    def reason(self, run: _Run) -> str:
        """Why a run is no trial."""
        method, _, space, seed, trains = run.about
        what = "given architecture" if trains else f"method {method}"
        return self.reasons.get(run.path, f"no trial has its {what}, space {space} and seed {seed}")

    def of(self, trial: Trial, runs: Sequence[_Run]) -> Iterator[_Run]:
        """Those of some runs that are the trial."""
        expected: dict[str, RunSettings] = {}
        for run in runs:
            chosen = repr(run.choices)
            try:
                if chosen not in expected:
                    expected[chosen] = _expected(trial, self._folder, run.choices)
            except DartboardError:  # what it trains has not been found yet
                continue
            settings = expected[chosen]
            if _about(settings.model_dump(mode="json")) != run.about:
                continue
            changed = changed_keys(_settled(run.settings), _settled(settings.model_dump(mode="json")))
            if changed:
                if len(changed) < self._nearest.get(run.path, len(changed) + 1):
                    self._nearest[run.path] = len(changed)
                    names = some(changed, _MOST_KEYS)
                    self.reasons[run.path] = f"it has other settings than {trial.key}: {names}"
            elif other := self._other_images(settings, run):
                self.reasons[run.path], self._nearest[run.path] = f"its images are others ({other}; {trial.key})", 0
            else:
                yield run

    def _other_images(self, settings: RunSettings, run: _Run) -> str:
        """What of the images is not as in a run, in a few words; empty if all is."""
        if RunDataset.find(run.path) is None or Split.find(run.path) is None:
            return "it does not record them"
        key = (settings.source, settings.data, settings.split_seed)
        if self._images is None or self._images[0] != key:
            with _looking_at(settings, self._observer) as session:
                self._images = (key, session)
        return self._images[1].change_since(run.path)


@contextmanager
def _looking_at(settings: RunSettings, observer: Observer) -> Iterator[Session]:
    """A session that reads images and makes nothing."""
    with tempfile.TemporaryDirectory(prefix="dartboard-") as scratch:
        here = settings.model_copy(update={"device": "cpu"})
        with open_session(here, Path(scratch) / "run", resume=False, observer=observer) as session:
            yield session


def _expected(trial: Trial, study_folder: Path, choices: Sequence[AutomaticChoice]) -> RunSettings:
    """The settings that a run of the trial records, given what it chose automatically."""
    settings = trial.settings_at(study_folder)
    if trial.task == "run":
        request = search_request(None, (settings,), ("search", "train"))
    elif trial.task == "search":
        request = search_request(None, (settings,), ("search",))
    else:
        genotype = architecture_of(trial, study_folder, settings)
        request = train_request(None, (settings,), genotype)
    return request.resolved(choices if request.is_open else ())


def _about(settings: Mapping[str, Any]) -> tuple[object, ...]:
    method = settings.get("method") or {}
    trains = settings.get("genotype") is not None
    named = (None, None) if trains else (method.get("name"), tuple(sorted(map(str, method.get("options", {})))))
    return (*named, settings.get("space"), settings.get("seed"), trains)


def _settled(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _PLACE}


def _refusal(run: _Run, trial: Trial) -> str:
    """Why a run with the settings and images of a trial is not the whole of it; empty if it is."""
    if trial.task in _TESTED and not run.is_tested:
        return "it only searched, and its trial is to be trained and tested as well"
    return ""


def _take_in(run: _Run, trial: Trial, study_folder: Path, state: StudyState) -> bool:
    """Copy a run to the place of its trial, unless somebody works there."""
    claim = state.claim(uuid.uuid4().hex, this_process(), host(), only=trial.key)
    if claim is None:
        return False
    place = study_folder / trial.folder
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.{claim.token}")
    try:
        shutil.copytree(run.path, fresh, ignore=shutil.ignore_patterns(".lock", ".*.tmp"))
        if place.exists():
            shutil.rmtree(place)
        fresh.rename(place)
    except OSError as error:
        state.release(claim)
        raise RunDirectoryError(
            f"{run.path} cannot be copied to {place} ({error.strerror or error}); make room, and join it again."
        ) from error
    except BaseException:
        state.release(claim)
        raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return state.finish(claim, None, str(run.path.resolve()))


def _tell(report: Joining, observer: Observer) -> None:
    for path, reason in report.refused.items():
        observer.note(f"{path} does not join: {reason}.")
    names = listing(sorted(set(report.joined.values()))) if len(report.joined) <= _MOST_KEYS else ""
    joined = count(len(report.joined), "run") + " joined" + (f" ({names})" if names else "")
    observer.note(f"{joined}, {len(report.refused)} did not.")
