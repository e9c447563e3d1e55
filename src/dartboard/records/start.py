"""Records that a run writes before its first step: the split of the images, and the planned time of each phase."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.data.splits import Splits, SplitSource
from dartboard.runs import Document, Version

__all__ = ["Split", "Timetable"]

Indices = tuple[int, ...]


class Split(Document):
    """The split of the images, as indices; a resumed run must have the same split."""

    file: ClassVar[str] = "split.json"
    written_by: ClassVar[str] = "start"
    compact: ClassVar[bool] = True

    weights: Indices
    """Images that train the weights of the supernet, half of those of the search; indices of the training set."""

    alphas: Indices
    """Images that train the alphas of the supernet, the other half; indices of the training set."""

    train: Indices
    """Images that train the network found, both halves together; indices of the training set."""

    validation: Indices
    """Images held out of search and training; indices of the set that `validation_source` names."""

    test: Indices
    """Images of the final test; indices of the set that `test_source` names."""

    validation_source: SplitSource
    """"validation" if the dataset has a validation set of its own, else "train"."""

    test_source: SplitSource
    """"test" if the dataset has a test set of its own, else "train"."""

    @classmethod
    def of(cls, splits: Splits) -> Self:
        """The record of a split."""
        return cls.model_validate(splits.to_json())


class Timetable(Document):
    """The planned seconds of every phase, in a run with a budget."""

    file: ClassVar[str] = "timetable.json"
    written_by: ClassVar[str] = "start, with `--budget`"

    layout: Version = 2

    seconds: dict[str, float]
    """Planned seconds of each phase, in the order of the run."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the phases as keys of the file."""
        return {"seconds": {phase: seconds for phase, seconds in content.items() if phase != "schema"}}

    @classmethod
    def of(cls, seconds: Mapping[str, float]) -> Self:
        """The record of these planned seconds."""
        return cls(seconds=dict(seconds))
