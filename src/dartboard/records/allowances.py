"""The time and length of each training in a run with a budget."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.runs import Document, Length, Record, TimeLimit, Version

__all__ = ["Allowance", "Allowances"]


class Allowance(Record):
    """The time and length of the training of one network."""

    epochs: int
    """Number of epochs, as planned at the start."""

    steps: int
    """Steps in each epoch, as planned at the start."""

    seconds: float
    """Seconds of work allowed, from the first epoch to the last."""

    test_seconds: float
    """Expected seconds of the test."""

    most_epochs: int
    """Largest number of epochs."""

    most_steps: int
    """Largest number of steps in an epoch."""

    alone: bool = False
    """Whether no other training waits for this one, so that it may become longer until its end."""

    @property
    def time_limit(self) -> TimeLimit:
        """The time limit that corrects the length during the training."""
        return TimeLimit(self.seconds, Length(self.most_epochs, self.most_steps), self.alone)


class Allowances(Document):
    """The time and length of each training, in a run with a budget."""

    file: ClassVar[str] = "allowances.json"
    formerly: ClassVar[str | None] = "lots.json"
    written_by: ClassVar[str] = "train, with `--budget`"

    layout: Version = 2

    networks: dict[str, Allowance]
    """The allowances by name, in the order of the trainings: `found` is the network found, the others are baselines."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the networks as keys of the file."""
        return {"networks": {name: each for name, each in content.items() if name != "schema"}}

    @classmethod
    def of(cls, networks: Mapping[str, Allowance]) -> Self:
        """The record of these allowances."""
        return cls(networks=dict(networks))
