"""The facts of a report: every number that the page shows, as frozen data that tests can compare."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dartboard.reports.analyses import DiscretisationFacts, ShufflingFacts
from dartboard.reports.measures import ConfusedPair
from dartboard.space.genotype import Genotype

__all__ = [
    "BaselineFacts",
    "CandidateFacts",
    "ChoiceFacts",
    "ClassFacts",
    "DatasetFacts",
    "EdgeFacts",
    "ExampleFacts",
    "Facts",
    "FinalistFacts",
    "FinalistsFacts",
    "GateFacts",
    "ScoreFacts",
    "SearchFacts",
    "Series",
    "TestFacts",
    "TrainFacts",
]

Series = tuple[float | None, ...]
"""One figure an epoch; None where it does not apply."""


@dataclass(frozen=True)
class DatasetFacts:
    """The images of the run: how many serve for what (None where it was not recorded), and what they show."""

    name: str
    train: int | None
    validation: int | None
    test: int | None
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CandidateFacts:
    """One of several searches. Accuracies are fractions, None where they were not measured.

    Attributes:
        supernet_accuracy: the highest one on validation images over its epochs.
        short_train_accuracy: on validation images, of the network trained from scratch for a short time.
        rejected: why the rule does not take it, or None.
    """

    seed: int
    genotype: Genotype
    supernet_accuracy: float | None
    short_train_accuracy: float | None
    rejected: str | None
    chosen: bool


@dataclass(frozen=True)
class ChoiceFacts:
    """How one of several searches was chosen.

    Attributes:
        rule_violated: whether the rule rejects every search.
        objective: what the accuracies are: "accuracy" or "balanced-accuracy".
        mean: of the accuracy that decides, over the searches.
        std: its standard deviation (ddof 0).
    """

    rule: str
    rule_violated: bool
    mean: float | None
    std: float | None
    candidates: tuple[CandidateFacts, ...]
    objective: str = "accuracy"

    @property
    def short_trained(self) -> bool:
        """Whether the cells found were trained to be compared."""
        return any(candidate.short_train_accuracy is not None for candidate in self.candidates)

    @property
    def seed(self) -> int:
        """Of the search that was chosen."""
        return next(candidate.seed for candidate in self.candidates if candidate.chosen)


@dataclass(frozen=True)
class FinalistFacts:
    """One of several architectures that the search proposed.

    Attributes:
        number: from 1 on; the first is what the search itself found.
        validation_accuracy: of its network after a short training, as a fraction.
        page: its own report, relative to this one.
    """

    number: int
    genotype: Genotype
    validation_accuracy: float
    chosen: bool
    page: str


@dataclass(frozen=True)
class FinalistsFacts:
    """How one of several proposed architectures was taken.

    Attributes:
        epochs: of the short training that each had.
        objective: what the accuracies are: "accuracy" or "balanced-accuracy".
    """

    epochs: int
    finalists: tuple[FinalistFacts, ...]
    objective: str = "accuracy"


@dataclass(frozen=True)
class EdgeFacts:
    """One edge of a cell during the search.

    Attributes:
        label: where it leads, "0 → 2"; "edge 3" where the cell's graph is unknown.
        source: node it comes from, or None.
        target: node it feeds, or None.
        kept: the operations that the genotype has here.
        gates: for each operation its mean gate at every recorded epoch.
    """

    label: str
    source: int | None
    target: int | None
    kept: tuple[str, ...]
    gates: tuple[Series, ...]


@dataclass(frozen=True)
class GateFacts:
    """The relaxed choice of one cell kind: its edges, by target, then source."""

    kind: str
    operations: tuple[str, ...]
    epochs: tuple[int, ...]
    edges: tuple[EdgeFacts, ...]


@dataclass(frozen=True)
class SearchFacts:
    """The search, epoch by epoch. Losses in nats per image, accuracies as fractions, seconds in total.

    Attributes:
        planned: epochs that were asked for, or None.
        operation_counts: for each operation how often the derived genotype holds it, by epoch.
        eigenvalue: largest one of the alpha Hessian of the validation loss, where it was measured.
        settled: first epoch from which on the derived genotype stays the last one, or None.
    """

    epochs: tuple[int, ...]
    planned: int | None
    seconds: float
    weight_loss: Series
    alpha_loss: Series
    validation_loss: Series
    weight_accuracy: Series
    validation_accuracy: Series
    eigenvalue: Series
    gates: tuple[GateFacts, ...]
    operation_counts: tuple[tuple[str, Series], ...]
    settled: int | None


@dataclass(frozen=True)
class TrainFacts:
    """One training of the discrete network, epoch by epoch; units as in `SearchFacts`."""

    run: int
    epochs: tuple[int, ...]
    planned: int | None
    seconds: float
    train_loss: Series
    validation_loss: Series
    train_accuracy: Series
    validation_accuracy: Series


@dataclass(frozen=True)
class ScoreFacts:
    """The scores of one training run; accuracies are fractions."""

    seed: int
    test_accuracy: float
    test_loss: float | None
    validation_accuracy: float | None
    seconds: float | None


@dataclass(frozen=True)
class ClassFacts:
    """How one class fares in the test: recall over its images, precision over those called by its name."""

    name: str
    images: int
    correct: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True)
class ExampleFacts:
    """One test picture, uint8 of shape (height, width, channels), with the names of its classes."""

    true: str
    predicted: str
    confidence: float
    image: NDArray[np.uint8] = field(compare=False, repr=False, metadata={"plain": False})


@dataclass(frozen=True)
class TestFacts:
    """The test of the trained network. Accuracies are fractions, the loss in nats per image.

    Attributes:
        accuracy: mean over the runs.
        std: spread over the runs (`ddof` as recorded), None for one run.
        interval: 95% Wilson interval for one run, None for several.
        confusion: counts of the first run, rows true, columns predicted.
        mean_confidence: mean probability of the predicted class.
        calibration_error: expected calibration error over 15 bins.
        top5: fraction with the true class among the five most probable; None below eleven classes.
    """

    __test__ = False

    accuracy: float
    std: float | None
    ddof: int
    interval: tuple[float, float] | None
    images: int
    loss: float | None
    balanced_accuracy: float | None
    runs: tuple[ScoreFacts, ...]
    confusion: tuple[tuple[int, ...], ...]
    classes: tuple[ClassFacts, ...]
    pairs: tuple[ConfusedPair, ...]
    mean_confidence: float | None
    calibration_error: float | None
    top5: float | None


@dataclass(frozen=True)
class BaselineFacts:
    """A network trained and tested like the one found. Accuracies and differences are fractions.

    Attributes:
        accuracy: on the test images, by the objective.
        objective: what is compared: "accuracy" or "balanced-accuracy".
        difference: accuracy of the network found less this one's.
        interval: what holds 95% of the differences when the test images are drawn anew.
        page: its own report, relative to this one.
        trained: its steps as a share of those of the network found.
    """

    name: str
    what: str
    accuracy: float
    parameters: int | None
    multiply_adds: int | None
    difference: float
    interval: tuple[float, float]
    page: str
    trained: float = 1.0
    objective: str = "accuracy"


@dataclass(frozen=True)
class Facts:
    """Everything that one run directory tells.

    Attributes:
        seconds: durations by name, in the order of the run; "total" where it was recorded.
        choice: how the search was chosen among several; None for a single one.
        finalists: which of several architectures that the search proposed was taken; None where it had the last word.
        settings: dotted key and value as text.
        correct: rightly classified test pictures.
        wrong: misclassified test pictures, most confident first.
        missing: section -> one sentence that says what it would need.
        description: what the dataset says of itself, or nothing.
        predicted: whether test images without labels were predicted, so that there is nothing to score.
        automatic_choices: what was left open, what it became, and why.
        planned: seconds of the phases as planned for a budget.
        budget: seconds of that.
        discretisation: how strong the operations of another run's supernet are.
        shuffling: how much another run's supernet minds that its parts change places.
    """

    run_directory: str
    dataset: DatasetFacts
    space: str | None
    method: str | None
    seed: int | None
    device: str | None
    genotype: Genotype | None
    genotype_text: str | None
    parameters: int | None
    multiply_adds: int | None
    validation_accuracy: float | None
    seconds: tuple[tuple[str, float], ...]
    choice: ChoiceFacts | None
    search: SearchFacts | None
    training: tuple[TrainFacts, ...]
    test: TestFacts | None
    baselines: tuple[BaselineFacts, ...]
    correct: tuple[ExampleFacts, ...]
    wrong: tuple[ExampleFacts, ...]
    settings: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    command: str | None
    finished: str | None
    missing: dict[str, str]
    description: str = ""
    predicted: bool = False
    automatic_choices: tuple[tuple[str, str, str], ...] = ()
    planned: tuple[tuple[str, float], ...] = ()
    budget: float | None = None
    discretisation: DiscretisationFacts | None = None
    shuffling: ShufflingFacts | None = None
    finalists: FinalistsFacts | None = None

    @property
    def analysed(self) -> bool:
        """Whether this is an analysis of a search, rather than a search or a training."""
        return self.discretisation is not None or self.shuffling is not None

    @property
    def title(self) -> str:
        """The headline: "digits: found by darts in nas-bench-201", as far as known."""
        found = f"found by {self.method}" if self.method else "an architecture"
        return f"{self.dataset.name}: {found}" + (f" in {self.space}" if self.space else "")

    def to_json(self) -> dict[str, Any]:
        """Plain data for `facts.json`; pictures are left out."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: object) -> Any:
    if isinstance(value, Genotype):
        return value.to_json()
    if is_dataclass(value):
        return {
            entry.name: _plain(getattr(value, entry.name))
            for entry in fields(value)
            if entry.metadata.get("plain", True)
        }
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
