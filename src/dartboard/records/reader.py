"""A run directory as it is read: one typed view of all that a run has left so far."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from dartboard.errors import RunDirectoryError
from dartboard.records.allowances import Allowances
from dartboard.records.baselines import Baselines
from dartboard.records.choice import Finalists, SeedChoiceRecord
from dartboard.records.finished import AnalysisRecord, ReselectionRecord
from dartboard.records.result import Result
from dartboard.records.scores import Scores
from dartboard.records.start import Split, Timetable
from dartboard.runs import Document, Event, EventLog, SearchEpoch, TrainEpoch, first_fault, read_json
from dartboard.settings.migration import migrate
from dartboard.space import Genotype
from dartboard.training import ModelCard

__all__ = ["RunRecords"]

_MARKS = ("settings.json", "events.jsonl", "genotype.json", "scores.json", "result.json")
_REMEDY = "delete it to go without it"

Arrays = Mapping[str, NDArray[Any]]
Kind = TypeVar("Kind", bound=Document)
Made = TypeVar("Made")


class RunRecords:
    """What a run directory holds, finished or not; a file that is not there gives None, or nothing.

    Every file is read when it is first asked for, and once. No lock is taken and nothing is changed, so a run at work
    can be read too. A damaged file raises a RunDirectoryError that names it, when it is asked for.

    Args:
        path: the run directory of a search, of a training, or of a whole run.

    Raises:
        RunDirectoryError: `path` is no run directory.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise RunDirectoryError(f"there is no folder {path}; name the run directory of a search or training.")
        if not any((path / name).exists() for name in _MARKS):
            raise RunDirectoryError(
                f"{path} is no run directory of dartboard: it holds none of {', '.join(_MARKS)}; name the folder that "
                "--out gave to a search or training."
            )
        self.path = path

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Every resolved setting in the words of today, as plain data; empty without a file."""
        return self._plain("settings.json", migrate) or {}

    @cached_property
    def description(self) -> str:
        """What the dataset says of itself; empty where it does not."""
        path = self.path / "description.md"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All whole events, oldest first."""
        return tuple(EventLog(self.path / "events.jsonl").read())

    @cached_property
    def search_epochs(self) -> tuple[SearchEpoch, ...]:
        """The epochs of the search."""
        return tuple(event for event in self.events if isinstance(event, SearchEpoch))

    @cached_property
    def train_epochs(self) -> Mapping[int, tuple[TrainEpoch, ...]]:
        """The epochs of every training, by the number of its network."""
        epochs = [event for event in self.events if isinstance(event, TrainEpoch)]
        numbers = sorted({event.run for event in epochs})
        return {number: tuple(event for event in epochs if event.run == number) for number in numbers}

    @cached_property
    def genotype(self) -> Genotype | None:
        """The architecture: of genotype.json, or without that file of the result."""
        found = self._plain("genotype.json", Genotype.from_json)
        if found is None and self.result is not None:
            return self.result.genotype.genotype
        return found

    @cached_property
    def split(self) -> Split | None:
        """Which images served for what."""
        return self._document(Split)

    @cached_property
    def timetable(self) -> Timetable | None:
        """Seconds planned for every phase."""
        return self._document(Timetable)

    @cached_property
    def allowances(self) -> Allowances | None:
        """How long each training may be."""
        return self._document(Allowances)

    @cached_property
    def seed_choice(self) -> SeedChoiceRecord | None:
        """Which of the searches of several seeds was chosen."""
        return self._document(SeedChoiceRecord)

    @cached_property
    def finalists(self) -> Finalists | None:
        """Which of several proposed architectures was taken."""
        return self._document(Finalists)

    @cached_property
    def scores(self) -> Scores | None:
        """What the test says."""
        return self._document(Scores)

    @cached_property
    def baselines(self) -> Baselines | None:
        """What stands beside the network."""
        return self._document(Baselines)

    @cached_property
    def reselection(self) -> ReselectionRecord | None:
        """What was selected afterwards from the supernet of another run."""
        return self._document(ReselectionRecord)

    @cached_property
    def analysis(self) -> AnalysisRecord | None:
        """What was found out about the search of another run."""
        return self._document(AnalysisRecord)

    @cached_property
    def result(self) -> Result | None:
        """The summary of the run."""
        return self._document(Result)

    @cached_property
    def model_card(self) -> ModelCard | None:
        """How the trained network is built and fed."""
        return self._plain("model.json", ModelCard.model_validate)

    @cached_property
    def predictions(self) -> Arrays | None:
        """Of the first network for the test images: `labels`, `predicted`, and `probabilities`, (images, classes)."""
        return self._arrays("predictions.npz", "labels", "predicted", "probabilities")

    @cached_property
    def examples(self) -> Arrays | None:
        """Some test pictures: `images`, (pictures, height, width, channels), `labels`, `predicted`, `confidence`."""
        return self._arrays("examples.npz", "images", "labels", "predicted", "confidence")

    def _document(self, kind: type[Kind]) -> Kind | None:
        return kind.find(self.path, remedy=_REMEDY)

    def _plain(self, name: str, make: Callable[[Any], Made]) -> Made | None:
        """What `make` makes of a JSON file that is no `Document`."""
        path = self.path / name
        if not path.exists():
            return None
        content = read_json(path)
        try:
            if not isinstance(content, dict):
                raise TypeError(f"it holds a {type(content).__name__} instead of keys and values")
            return make(content)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            reason = first_fault(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
            raise RunDirectoryError(
                f"{path} does not hold what a run writes there ({reason}); restore it, or {_REMEDY}."
            ) from error

    def _arrays(self, name: str, *needed: str) -> Arrays | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {key: archive[key] for key in needed}
        except (OSError, EOFError, BadZipFile, KeyError, ValueError) as error:
            raise RunDirectoryError(f"{path} is damaged ({error}); restore it, or {_REMEDY}.") from error
