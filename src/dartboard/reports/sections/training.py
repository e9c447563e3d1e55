"""The training of the network that was found, epoch by epoch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dartboard.records.reader import RunRecords
from dartboard.reports.charts.curves import BLUE, ORANGE, Line, draw_lines
from dartboard.reports.section import Section, section
from dartboard.runs.events import TrainEpoch

__all__ = ["TrainingFacts", "TrainingSection"]


@dataclass(frozen=True)
class TrainingFacts:
    """The training.

    Attributes:
        runs: the epochs of every network, in the order of the networks.
        seconds: seconds of all epochs of the first network.
        inherits: whether the networks began with the weights of the supernet.
    """

    runs: tuple[tuple[TrainEpoch, ...], ...]
    seconds: float
    inherits: bool


@section("training")
class TrainingSection(Section[TrainingFacts]):
    """The training of the network that was found, epoch by epoch."""

    order = 700
    title = "Training"
    needs = "No training was recorded in this run directory: the network has not been trained."

    def read(self, run: RunRecords) -> TrainingFacts | None:
        """The recorded epochs, if there are any."""
        runs = tuple(run.train_epochs.values())
        if not runs:
            return None
        return TrainingFacts(runs, sum(epoch.seconds for epoch in runs[0]), run.inherits)

    def missing(self, run: RunRecords) -> str:
        """The sentence on a missing training; none for an analysis, which needs no training."""
        if run.result is None or run.analysis:
            return "" if run.analysis else self.needs
        return "The run ended with the search, so no network was trained; `dartboard train` does that."

    def drawn(self, told: TrainingFacts) -> Mapping[str, Any]:
        """Curves over the epochs; those of the first network are the strongest."""
        losses = _lines(told, lambda epoch: epoch.train_loss, lambda epoch: epoch.validation_loss)
        accuracies = _lines(told, lambda epoch: epoch.train_accuracy, lambda epoch: epoch.validation_accuracy)
        return {
            "compares": _compares(told),
            "losses": Markup(
                draw_lines("train-loss", "Losses during the training", list(losses), label="loss (nats per image)")
            ),
            "accuracies": Markup(
                draw_lines(
                    "train-accuracy",
                    "Accuracies during the training",
                    list(accuracies),
                    label="accuracy (%)",
                    percent=True,
                )
            ),
        }


def _compares(told: TrainingFacts) -> bool:
    """Whether there are two curves of accuracies that can lie above each other."""
    first = told.runs[0]
    return len(first) > 1 and all(
        any(value is not None for value in values)
        for values in ([epoch.train_accuracy for epoch in first], [epoch.validation_accuracy for epoch in first])
    )


Figure = Callable[[TrainEpoch], float | None]


def _lines(told: TrainingFacts, train: Figure, validation: Figure) -> Iterator[Line]:
    for position, run in enumerate(told.runs):
        opacity, first = (1.0 if position == 0 else 0.35), position == 0
        epochs = [epoch.epoch for epoch in run]
        yield Line("training images" if first else None, BLUE, epochs, list(map(train, run)), opacity)
        yield Line("validation images" if first else None, ORANGE, epochs, list(map(validation, run)), opacity)
