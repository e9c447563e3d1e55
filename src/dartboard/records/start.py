"""What a run writes before its first step: which images serve for what, and the time of every phase."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.data.splits import Splits, SplitSource
from dartboard.runs import Document, Version

__all__ = ["Split", "Timetable"]

Indices = tuple[int, ...]


class Split(Document):
    """Which images serve for what, as indices; a resumed run must have the same."""

    file: ClassVar[str] = "split.json"
    written_by: ClassVar[str] = "start"
    compact: ClassVar[bool] = True

    weights: Indices
    """Half of the images of the search, on which it trains the weights; of the training set."""

    alphas: Indices
    """The other half, on which it trains alpha; of the training set."""

    train: Indices
    """Both halves together, for the training; of the training set."""

    validation: Indices
    """Held out of both; of the set that `validation_source` names."""

    test: Indices
    """For the final test; of the set that `test_source` names."""

    validation_source: SplitSource
    """"validation" where the dataset brought such a set, else "train"."""

    test_source: SplitSource
    """"test" where the dataset brought such a set, else "train"."""

    @classmethod
    def of(cls, splits: Splits) -> Self:
        """The record of what was divided."""
        return cls.model_validate(splits.to_json())


class Timetable(Document):
    """Seconds planned for every phase, where there is a budget."""

    file: ClassVar[str] = "timetable.json"
    written_by: ClassVar[str] = "start, with `--budget`"

    layout: Version = 2

    seconds: dict[str, float]
    """Seconds of each phase, in the order of the run."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the phases as keys of the file."""
        return {"seconds": {phase: seconds for phase, seconds in content.items() if phase != "schema"}}

    @classmethod
    def of(cls, seconds: Mapping[str, float]) -> Self:
        """The record of a plan."""
        return cls(seconds=dict(seconds))
