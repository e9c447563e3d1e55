"""Reading a run directory: one typed view of all files that a run has written so far."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray
from pydantic import ValidationError

from dartboard.config import Settings
from dartboard.errors import RunDirectoryError
from dartboard.parts.discrete import Pool
from dartboard.records.allowances import Allowances
from dartboard.records.baselines import Baselines
from dartboard.records.choice import Finalists, SeedChoiceRecord
from dartboard.records.contest import Contest
from dartboard.records.dataset import DatasetRecord, RunDataset
from dartboard.records.finished import AnalysisRecord, ReselectionRecord
from dartboard.records.result import Result
from dartboard.records.scores import Scores
from dartboard.records.start import Beginning, Split, Timetable
from dartboard.runs import (
    CollapsedSearch,
    Document,
    Event,
    EventLog,
    SearchEpoch,
    TrainEpoch,
    first_fault,
    read_arrays,
    read_json,
)
from dartboard.settings.migration import migrate
from dartboard.settings.tree import RunSettings
from dartboard.space import Genotype
from dartboard.training import ModelCard

__all__ = ["RunRecords"]

_GROUPS = tuple(name for name, setting in RunSettings.model_fields.items() if isinstance(setting.default, Settings))
_MARKS = ("settings.json", "events.jsonl", "genotype.json", "scores.json", "result.json")
_REMEDY = "delete it to go without it"

Arrays = Mapping[str, NDArray[Any]]
Kind = TypeVar("Kind", bound=Document)
Made = TypeVar("Made")


class RunRecords:
    """The files of a run directory, finished or not; a missing file gives None or an empty value.

    Every file is read once, when it is first used. No lock is taken and nothing is changed, so a run in progress can
    be read too. Reading a damaged file raises a RunDirectoryError that names the file.

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
        """All resolved settings as plain data, with old keys renamed; empty without a file."""
        return self._plain("settings.json", _read_settings) or {}

    @cached_property
    def description(self) -> str:
        """The description that the dataset brought along; empty where it has none."""
        path = self.path / "description.md"
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All completely written events, the oldest first."""
        return tuple(EventLog(self.path / "events.jsonl").read())

    @cached_property
    def search_epochs(self) -> tuple[SearchEpoch, ...]:
        """The epochs of the search."""
        return tuple(event for event in self.events if isinstance(event, SearchEpoch))

    @cached_property
    def train_epochs(self) -> Mapping[int, tuple[TrainEpoch, ...]]:
        """The epochs of every training, by the number of the trained network."""
        epochs = [event for event in self.events if isinstance(event, TrainEpoch)]
        numbers = sorted({event.run for event in epochs})
        return {number: tuple(event for event in epochs if event.run == number) for number in numbers}

    @cached_property
    def genotype(self) -> Genotype | None:
        """The architecture in genotype.json, or without that file the one in the result."""
        found = self._plain("genotype.json", Genotype.from_json)
        if found is None and self.result is not None:
            return self.result.genotype.genotype
        return found

    @cached_property
    def beginning(self) -> Beginning | None:
        """What the run is about, as it was when it began."""
        return self._document(Beginning)

    @property
    def device(self) -> str | None:
        """The device that the run used; only that which was asked for where nothing else was recorded."""
        if self.result:
            return self.result.device
        return self.beginning.device if self.beginning else self.settings.get("device")

    @cached_property
    def split(self) -> Split | None:
        """The indices of the images for search, training, validation and test."""
        return self._document(Split)

    @cached_property
    def dataset(self) -> DatasetRecord | None:
        """The dataset, of an unfinished run too; None in the directories of earlier versions until they have ended."""
        if self.result is not None:
            return self.result.dataset
        found = self._document(RunDataset)
        return found.dataset if found else None

    @cached_property
    def timetable(self) -> Timetable | None:
        """The planned seconds of every phase."""
        return self._document(Timetable)

    @cached_property
    def allowances(self) -> Allowances | None:
        """The time and length of each training."""
        return self._document(Allowances)

    @cached_property
    def collapsed(self) -> CollapsedSearch | None:
        """The search that collapsed, and what was done about it."""
        return self._document(CollapsedSearch)

    @cached_property
    def seed_choice(self) -> SeedChoiceRecord | None:
        """The choice among the searches of several seeds."""
        return self._document(SeedChoiceRecord)

    @cached_property
    def finalists(self) -> Finalists | None:
        """The choice among the finalists."""
        return self._document(Finalists)

    @cached_property
    def pool(self) -> Pool | None:
        """The architectures that a search without a supernet has evaluated."""
        return self._document(Pool)

    @cached_property
    def contest(self) -> Contest | None:
        """The contest for the time of the training."""
        return self._document(Contest)

    @cached_property
    def scores(self) -> Scores | None:
        """The test accuracies."""
        return self._document(Scores)

    @cached_property
    def baselines(self) -> Baselines | None:
        """The results of the baselines."""
        return self._document(Baselines)

    @cached_property
    def reselection(self) -> ReselectionRecord | None:
        """The selection from the supernet of another run."""
        return self._document(ReselectionRecord)

    @cached_property
    def analysis(self) -> AnalysisRecord | None:
        """The analysis of the search of another run."""
        return self._document(AnalysisRecord)

    @cached_property
    def result(self) -> Result | None:
        """The summary of the run."""
        return self._document(Result)

    @property
    def inherits(self) -> bool:
        """Whether the training began with the weights of the supernet, as far as that is known before the end."""
        if self.result is not None:
            return self.result.train_start == "supernet"
        return self.contest is None and self.settings.get("train", {}).get("start") == "supernet"

    @cached_property
    def model_card(self) -> ModelCard | None:
        """The card of the trained network: architecture, size, classes and normalisation."""
        return self._plain("model.json", ModelCard.model_validate)

    @cached_property
    def predictions(self) -> Arrays | None:
        """Predictions of the first network: `labels` and `predicted` (images,), `probabilities` (images, classes)."""
        return self._arrays("predictions.npz", "labels", "predicted", "probabilities")

    @cached_property
    def examples(self) -> Arrays | None:
        """Some test pictures: `images` (pictures, height, width, channels); `labels`, `predicted`, `confidence`."""
        return self._arrays("examples.npz", "images", "labels", "predicted", "confidence")

    def _document(self, kind: type[Kind]) -> Kind | None:
        return kind.find(self.path, remedy=_REMEDY)

    def _plain(self, name: str, make: Callable[[Any], Made]) -> Made | None:
        """The content of a JSON file that is no `Document`, converted by `make`; None without a file."""
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
        return read_arrays(path, needed, remedy=_REMEDY)


def _read_settings(content: dict[str, Any]) -> dict[str, Any]:
    """Settings with old keys renamed, of which every group holds keys and values as its readers expect."""
    settings = migrate(content)
    for group in _GROUPS:
        if not isinstance(settings.get(group, {}), dict):
            raise TypeError(f"{group} is no group of settings")
    return settings
