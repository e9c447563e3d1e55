"""The trials of a study one after the other, in this process."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

from dartboard.errors import DartboardError, DeviceMemoryError, NonFiniteLossError, fault_log
from dartboard.runs import Observer
from dartboard.wording import count
from dartboard.workflow.studies.trial import Trial, run_trial

__all__ = ["failing_alone", "run_in_turn"]


def run_in_turn(
    trials: Sequence[Trial], study_folder: Path, observer: Observer, ended: Callable[[Trial, str | None], None]
) -> None:
    """Make trials one after the other; one that fails is told of, and those that need it are left out.

    Args:
        trials: the trials, each after those that it needs.
        study_folder: directory of the study.
        observer: is told about progress.
        ended: is called after every trial, with the reason if it failed.
    """
    failed, spent = dict[str, str](), list[float]()
    for number, trial in enumerate(trials, 1):
        if lacking := [key for key in trial.needs if key in failed]:
            failed[trial.key] = f"it needs {lacking[0]}, which failed."
            ended(trial, failed[trial.key])
            continue
        what = ", ".join(f"{name} {label}" for name, label in trial.labels.items())
        observer.note(f"Trial {number} of {len(trials)}: {trial.task} with {what}, in {study_folder / trial.folder}.")
        observer.more_runs(len(trials) - number, fmean(spent) if spent else None)
        started = time.perf_counter()
        with failing_alone(study_folder / trial.folder, observer, lambda why, key=trial.key: failed.update({key: why})):
            run_trial(trial, study_folder, observer)
        spent.append(time.perf_counter() - started)
        ended(trial, failed.get(trial.key))
    if failed:
        observer.note(f"{count(len(failed), 'trial')} failed; --resume tries again.")


@contextmanager
def failing_alone(folder: Path, observer: Observer, fail: Callable[[str], None]) -> Iterator[None]:
    """Tell of a run that fails, so that the others go on; what these would meet as well is raised.

    Args:
        folder: directory of the run.
        observer: is told of the failure.
        fail: is called with the reason.
    """
    try:
        yield
    except (NonFiniteLossError, DeviceMemoryError) as error:
        observer.note(f"This run failed: {error}")
        fail(str(error))
    except (DartboardError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a fault in one method must not cost the work on the others
        reason = f"{type(error).__name__}: {error}"
        observer.note(f"This run failed ({reason}); all about it is in {fault_log(error) or folder}.")
        fail(reason)
