"""How long each training of a run with a budget may be."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from dartboard.runs import Document, Length, Record, TimeLimit, Version

__all__ = ["Allowance", "Allowances"]


class Allowance(Record):
    """How long one network's training may be."""

    epochs: int
    """Epochs, as planned at the start."""

    steps: int
    """Steps of an epoch, as planned at the start."""

    seconds: float
    """Working time from the first epoch to the last."""

    test_seconds: float
    """What its test will take."""

    most_epochs: int
    """Epochs that it may come to."""

    most_steps: int
    """Steps that an epoch may come to."""

    @property
    def time_limit(self) -> TimeLimit:
        """What corrects the length on the way."""
        return TimeLimit(self.seconds, Length(self.most_epochs, self.most_steps))


class Allowances(Document):
    """How long each training may be, where there is a budget."""

    file: ClassVar[str] = "allowances.json"
    formerly: ClassVar[str | None] = "lots.json"
    written_by: ClassVar[str] = "train, with `--budget`"

    layout: Version = 2

    networks: dict[str, Allowance]
    """By name, in the order of the trainings: `found` is the network of the run, the others are its baselines."""

    @classmethod
    def migrate(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had the networks as keys of the file."""
        return {"networks": {name: each for name, each in content.items() if name != "schema"}}

    @classmethod
    def of(cls, networks: Mapping[str, Allowance]) -> Self:
        """The record of what was allotted."""
        return cls(networks=dict(networks))
