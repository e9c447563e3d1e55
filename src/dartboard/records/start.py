"""Records that a run writes before its first step: what it is about, its split, and the planned time of each phase."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from dartboard.data.splits import Splits, SplitSource
from dartboard.engine.rates import AlphaRate
from dartboard.runs import Document, Version
from dartboard.settings.replaced import ReplacedSetting

__all__ = ["Beginning", "Split", "Timetable"]

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


class Beginning(Document):
    """What a run is about, as it was when the run began; a run that has ended has it in its result too."""

    file: ClassVar[str] = "start.json"
    written_by: ClassVar[str] = "start"

    device: str
    """Device that the run uses."""

    steps: tuple[Literal["search", "train"], ...]
    """Steps of the command; empty for an analysis."""

    command: str
    """The command that was typed."""

    replaced: tuple[ReplacedSetting, ...] = ()
    """The settings of the method's paper that the run does not have, and what has replaced them."""

    alpha_rates: tuple[AlphaRate, ...] = ()
    """The learning rate of alpha in every stage of the search that has one, beside that of the paper."""

    search_images: int | None = None
    """Number of images from which the weights of the supernet learn; null where no supernet is trained."""

    def command_to_resume(self, path: Path) -> str:
        """The command that goes on with the run in a directory, or what it lacks where it was no line of a shell."""
        if not self.command.startswith("dartboard "):
            return f"{self.command} with out={str(path)!r} and resume=True"
        words = shlex.split(self.command)
        named = any(word in ("--out", "-o") or word.startswith("--out=") for word in words)
        further = ([] if named else ["--out", str(path)]) + ([] if "--resume" in words else ["--resume"])
        return shlex.join([*words, *further])
