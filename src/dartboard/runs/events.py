"""The kinds of events that a run records, one a line of `events.jsonl`."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from dartboard.runs.accuracies import ValidationAccuracies
from dartboard.runs.document import Record

__all__ = [
    "EVENTS",
    "Epoch",
    "Event",
    "KeptWeights",
    "MeasurementDone",
    "PhaseEnd",
    "Rollback",
    "SearchEpoch",
    "SearchStop",
    "SelectionDone",
    "TrainEpoch",
    "event_of",
]

Figure = int | float | None
"""A number that a part of a method has measured; null where it was not finite."""


class Event(Record):
    """What happened, in one line of `events.jsonl`."""

    figures_are_flat: ClassVar[bool] = False
    """Whether the line has the `figures` of the event as keys of its own, beside those named here."""

    event: str
    """Which kind of event."""

    phase: str
    """In which phase of the run."""

    @model_validator(mode="before")
    @classmethod
    def _finite(cls, content: Any) -> Any:
        """A loss that is not a finite number is null: JSON knows no other."""
        if not isinstance(content, Mapping):
            return content
        finite = {key: _finite(value) for key, value in content.items()}
        if cls.figures_are_flat and isinstance(measured := finite.get("figures"), Mapping):
            finite["figures"] = {key: _finite(value) for key, value in measured.items()}
        return finite

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in the line."""
        content = self.model_dump(mode="json", by_alias=True)
        return content | content.pop("figures") if self.figures_are_flat else content

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The event that a line of this kind holds.

        Raises:
            pydantic.ValidationError: the line lacks a key, or a value is of another form.
        """
        if not cls.figures_are_flat:
            return cls.model_validate(content)
        own = {key: value for key, value in content.items() if key in cls.model_fields}
        return cls.model_validate({**own, "figures": {key: content[key] for key in content if key not in own}})


class Epoch(ValidationAccuracies, Event):
    """An epoch is done: of the search or of a training."""

    event: Literal["epoch"] = "epoch"
    """Which kind of event."""

    epoch: int
    """Its number, from 1 on."""

    epochs: int
    """Epochs planned in all."""

    steps: int
    """Its steps."""

    seconds: float
    """How long it took."""

    validation_loss: float | None
    """Mean cross-entropy per validation image in nats; null without such images."""

    learning_rate: float
    """Of the weights, in its last step."""


class SearchEpoch(Epoch):
    """An epoch of the search is done.

    The validation images are of the half on which alpha learns, without augmentation; the supernet is scored on them
    with its deterministic gates. What the rules of a method have measured is in the line under the names that they give
    it, such as `eigenvalue`, the largest one of the alpha Hessian of the validation loss.
    """

    figures_are_flat: ClassVar[bool] = True

    phase: Literal["search"] = "search"
    """In which phase of the run."""

    stage: int = 0
    """Its stage, from 0 on; more than one has a method that searches in stages."""

    weight_loss: float | None
    """Mean loss per image in the steps of the weights, in nats."""

    weight_accuracy: float | None
    """Accuracy of the supernet in these steps, as a fraction."""

    alpha_loss: float | None
    """Mean loss per image in the steps of alpha, in nats; null while alpha rests."""

    gates: dict[str, list[list[float]]]
    """Deterministic gates by the kind of cells, edges x operations."""

    operations: tuple[str, ...]
    """Names of the columns of the gates."""

    genotype: dict[str, Any]
    """What would be derived now, as in genotype.json."""

    operation_counts: dict[str, int]
    """How often each operation is in it."""

    figures: dict[str, Figure] = Field(default_factory=dict)
    """What the rules have measured; keys of their own in the line."""

    def finished(self, figures: Mapping[str, Figure], seconds: float) -> Self:
        """The event once the rules have come to their end.

        Raises:
            ValueError: a rule gives a figure a name that the event itself has.
        """
        if taken := sorted(figures.keys() & type(self).model_fields.keys()):
            raise ValueError(f"a rule has measured '{taken[0]}', a name that the event of the epoch has already.")
        return self.model_validate({**dict(self), "figures": dict(figures), "seconds": seconds})


class TrainEpoch(Epoch):
    """An epoch of a training from scratch is done."""

    phase: Literal["train"] = "train"
    """In which phase of the run."""

    run: int
    """Number of the network, from 0 on."""

    train_loss: float | None
    """Mean loss per image in its steps, in nats; with label smoothing, where set."""

    train_accuracy: float | None
    """Accuracy while learning, with augmentation, as a fraction."""


class KeptWeights(ValidationAccuracies, Event):
    """The weights of an earlier epoch of a training are tested and saved, with `train.keep=best`."""

    event: Literal["kept"] = "kept"
    """Which kind of event."""

    phase: Literal["train"] = "train"
    """In which phase of the run."""

    run: int
    """Number of the network, from 0 on."""

    epoch: int
    """Which epoch left them."""


class SearchStop(Event):
    """The search has ended before its last epoch."""

    event: Literal["stop"] = "stop"
    """Which kind of event."""

    phase: Literal["search"] = "search"
    """In which phase of the run."""

    reason: str
    """The end of a sentence about why."""


class Rollback(Event):
    """The search went back to an earlier epoch; the events of the epochs after it are gone, and recorded anew."""

    event: Literal["rollback"] = "rollback"
    """Which kind of event."""

    phase: Literal["search"] = "search"
    """In which phase of the run."""

    before: Annotated[int, Field(alias="from")]
    """From which epoch."""

    epoch: int
    """To which epoch."""

    reason: str
    """The end of a sentence about why."""

    seconds: float
    """How long the epochs took that are undone."""


class SelectionDone(Event):
    """A selection that tries architectures has chosen one; it gives its figures names of its own."""

    figures_are_flat: ClassVar[bool] = True

    event: Literal["selection"] = "selection"
    """Which kind of event."""

    phase: Literal["search"] = "search"
    """In which phase of the run."""

    figures: dict[str, Any] = Field(default_factory=dict)
    """How it came about: plain numbers, text, lists of them; keys of their own in the line."""


class MeasurementDone(Event):
    """One of the measurements of an analysis is done; a resumed analysis does not repeat it."""

    event: Literal["measurement"] = "measurement"
    """Which kind of event."""

    phase: Literal["analysis"] = "analysis"
    """In which phase of the run."""

    name: str
    """Which measurement."""

    figures: dict[str, Any]
    """What it found; every analysis has keys of its own, and accuracies are fractions."""

    seconds: float
    """How long it took."""


class PhaseEnd(Event):
    """A phase of the run has ended, such as data, planning, search, finalists, train, evaluation or baselines."""

    event: Literal["phase"] = "phase"
    """Which kind of event."""

    seconds: float
    """Its seconds, those of interrupted earlier tries and of the runs inside this one included."""


EVENTS: tuple[type[Event], ...] = (
    SearchEpoch,
    TrainEpoch,
    KeptWeights,
    SearchStop,
    Rollback,
    SelectionDone,
    MeasurementDone,
    PhaseEnd,
)
"""Every kind of event."""

_KINDS: Mapping[tuple[Any, Any], type[Event]] = {
    (cls.model_fields["event"].default, None if phase.is_required() else phase.default): cls
    for cls in EVENTS
    for phase in (cls.model_fields["phase"],)
}
"""Kind and phase -> class; None stands for any phase."""


def event_of(content: Any) -> Event:
    """The event that a line holds.

    Args:
        content: of the line, as plain data.

    Raises:
        ValueError: there is no such kind of event, or the line does not hold what such an event has.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds a {type(content).__name__} instead of keys and values")
    kind, phase = content.get("event"), content.get("phase")
    cls = _KINDS.get((kind, phase)) or _KINDS.get((kind, None))
    if cls is None:
        raise ValueError(f"there is no event '{kind}' of the phase '{phase}'")
    return cls.of(content)


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
