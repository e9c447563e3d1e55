"""The kinds of events that a run records, one event per line of `events.jsonl`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field

from dartboard.runs.accuracies import ValidationAccuracies
from dartboard.runs.decisions import DecisionMade
from dartboard.runs.event import Event
from dartboard.runs.watched import Watched

__all__ = [
    "EVENTS",
    "Epoch",
    "Evaluated",
    "KeptWeights",
    "MeasurementDone",
    "PhaseEnd",
    "PredictorJudged",
    "Rollback",
    "SearchEpoch",
    "SearchStop",
    "SelectionDone",
    "TrainEpoch",
    "event_of",
]

Figure = int | float | None
"""A number that a part of a method has measured; null if it was not finite."""


class Epoch(ValidationAccuracies, Event):
    """An epoch of the search or of a training is done."""

    event: Literal["epoch"] = "epoch"
    """Kind of the event."""

    epoch: int
    """Number of the epoch, counted from 1."""

    epochs: int
    """Epochs planned in all."""

    steps: int
    """Number of steps of the epoch."""

    seconds: float
    """Duration in seconds."""

    validation_loss: float | None
    """Mean cross-entropy per validation image in nats; null without such images."""

    learning_rate: float
    """Learning rate of the weights in the last step of the epoch."""


class SearchEpoch(Epoch):
    """An epoch of the search is done.

    The validation images are those of the half on which alpha learns, without augmentation. The supernet is scored on
    them with its deterministic gates. The figures that the rules of a method have measured are in the line under their
    own names, such as `eigenvalue`, the largest eigenvalue of the Hessian of the validation loss in alpha.
    """

    figures_are_flat: ClassVar[bool] = True

    phase: Literal["search"] = "search"
    """Phase of the run."""

    stage: int = 0
    """Stage of the search, counted from 0; only methods that search in stages have more than one."""

    weight_loss: float | None
    """Mean loss per image in the weight steps, in nats."""

    weight_accuracy: float | None
    """Accuracy of the supernet in the weight steps, as a fraction."""

    alpha_loss: float | None
    """Mean loss per image in the alpha steps, in nats; null while alpha does not learn."""

    gates: dict[str, list[list[float]]]
    """Deterministic gates of each kind of cells, edges x operations."""

    operations: tuple[str, ...]
    """Names of the columns of the gates."""

    genotype: dict[str, Any]
    """Genotype that the selection would choose now, in the format of genotype.json."""

    operation_counts: dict[str, int]
    """How often each operation occurs in the genotype."""

    deciding_seconds: float = 0.0
    """Part of the seconds that trials of the supernet for decisions took."""

    figures: dict[str, Figure] = Field(default_factory=dict)
    """Figures that the rules have measured; each is a key of the line."""

    def finished(self, figures: Mapping[str, Figure], seconds: float, deciding_seconds: float = 0.0) -> Self:
        """The event with the figures of the rules and the final durations.

        Raises:
            ValueError: the name of a figure is also a key of the event.
        """
        if taken := sorted(figures.keys() & type(self).model_fields.keys()):
            raise ValueError(f"a rule has measured '{taken[0]}', a name that the event of the epoch has already.")
        measured = {"figures": dict(figures), "seconds": seconds, "deciding_seconds": deciding_seconds}
        return self.model_validate({**dict(self), **measured})


def step_work(side: float) -> float:
    """The time of a training step with smaller images, as a share of one with whole images.

    A part of 0.15 does not depend on the size of the images; the rest is in proportion to their area. With this share,
    a training of `conv-stages-by-hand` on CIFAR-10 takes about as long as one with whole images
    (benchmarks/ingredients.py).

    Args:
        side: share of the side of the whole images.
    """
    return 0.15 + 0.85 * side**2


class TrainEpoch(Epoch):
    """An epoch of a training is done."""

    phase: Literal["train", "contest"] = "train"
    """Phase of the run: "contest" for an epoch that the winner of the contest was trained for in it."""

    run: int
    """Number of the network, from 0 on."""

    scoring_seconds: float = 0.0
    """Part of the seconds that scoring the validation images took."""

    image_side: float = 1.0
    """Side of the training images as a share of their whole side; below 1 with `train.progressive_resizing`."""

    train_loss: float | None
    """Mean training loss per image in the epoch, in nats; it includes label smoothing if that is set."""

    train_accuracy: float | None
    """Accuracy on the augmented training images during the epoch, as a fraction."""

    @property
    def whole_steps(self) -> float:
        """The work of the epoch in steps with images of their whole side (`step_work`)."""
        return self.steps * step_work(self.image_side)


class KeptWeights(ValidationAccuracies, Event):
    """The weights of an earlier epoch of a training are tested and saved, with `train.keep=best`."""

    event: Literal["kept"] = "kept"
    """Kind of the event."""

    phase: Literal["train"] = "train"
    """Phase of the run."""

    run: int
    """Number of the network, from 0 on."""

    epoch: int
    """Epoch that the weights are from."""


class SearchStop(Event):
    """The search has ended before its last epoch."""

    event: Literal["stop"] = "stop"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    reason: str
    """Reason, as the end of a sentence."""


class Rollback(Event):
    """The search went back to an earlier epoch. The events of the epochs after it are removed and recorded anew."""

    event: Literal["rollback"] = "rollback"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    before: Annotated[int, Field(alias="from")]
    """Epoch from which the search went back."""

    epoch: int
    """Epoch to which the search went back."""

    reason: str
    """Reason, as the end of a sentence."""

    seconds: float
    """Seconds that the undone epochs took."""


class SelectionDone(Event):
    """A selection that tries architectures has chosen one; each selection has its own names of figures."""

    figures_are_flat: ClassVar[bool] = True

    event: Literal["selection"] = "selection"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    figures: dict[str, Any] = Field(default_factory=dict)
    """Figures about the choice: numbers, text, or lists of these; each is a key of the line."""


class Evaluated(Event):
    """An architecture of a search without a supernet was trained on to the end of a level, or looked up, and scored."""

    event: Literal["evaluated"] = "evaluated"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    number: int
    """Number of the architecture in pool.json."""

    level: int
    """Level that it has passed, from 1 on."""

    epochs: int
    """Epochs that it has been trained for by now."""

    accuracy: float
    """Accuracy on the validation images, as a fraction; 0 if the training failed."""

    seconds: float
    """Seconds that this evaluation took."""

    genotype: str
    """The architecture as text."""

    failure: str | None = None
    """Why the training failed, if it did."""


class PredictorJudged(Event):
    """All architectures that an update of a search without a supernet proposed are evaluated after the first level."""

    event: Literal["predictor"] = "predictor"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    update: int
    """Number of the update, from 1 on."""

    known: int
    """Architectures in the pool before the update, from which the predictor learned."""

    judged: int
    """Architectures that the update proposed."""

    kendall: float | None
    """Kendall's rank correlation between predictions and accuracies; null where they cannot be compared."""

    spearman: float | None
    """Spearman's rank correlation between them; null likewise."""

    epochs_spent: int
    """Epochs of all trainings by then."""


class MeasurementDone(Event):
    """A measurement of an analysis is done; a resumed analysis does not repeat it."""

    event: Literal["measurement"] = "measurement"
    """Kind of the event."""

    phase: Literal["analysis"] = "analysis"
    """Phase of the run."""

    name: str
    """Name of the measurement."""

    figures: dict[str, Any]
    """Results of the measurement; every analysis has its own keys, and accuracies are fractions."""

    seconds: float
    """Duration in seconds."""


class PhaseEnd(Event):
    """A phase of the run has ended, such as search, contest, train or evaluation."""

    event: Literal["phase"] = "phase"
    """Kind of the event."""

    seconds: float
    """Seconds that the phase took, including interrupted earlier tries and the runs inside this run."""

    memory: int | None = None
    """Largest memory of the phase in bytes, as far as its last try went: what the allocator of an accelerator gave out,
    or by how much the resident set of the process grew; null where the system does not tell."""


EVENTS: tuple[type[Event], ...] = (
    SearchEpoch,
    TrainEpoch,
    KeptWeights,
    SearchStop,
    Rollback,
    DecisionMade,
    Watched,
    Evaluated,
    PredictorJudged,
    SelectionDone,
    MeasurementDone,
    PhaseEnd,
)
"""Every kind of event."""

_KINDS: Mapping[tuple[Any, Any], type[Event]] = {
    (cls.model_fields["event"].default, phase): cls
    for cls in EVENTS
    for phase in get_args(cls.model_fields["phase"].annotation) or (None,)
}
"""Kind and phase -> class; None stands for any phase."""


def event_of(content: Any) -> Event:
    """The event that a line holds.

    Args:
        content: content of the line, as plain data.

    Raises:
        ValueError: there is no such kind of event, or the line does not fit this kind.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds a {type(content).__name__} instead of keys and values")
    kind, phase = content.get("event"), content.get("phase")
    cls = _KINDS.get((kind, phase)) or _KINDS.get((kind, None))
    if cls is None:
        raise ValueError(f"there is no event '{kind}' of the phase '{phase}'")
    return cls.of(content)
