"""What the cell is worth that would be derived now: by the tables of NAS-Bench-201, and in the supernet itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import (
    Chart,
    Observation,
    Probes,
    Seen,
    Watch,
    mean_step,
    rank_correlation,
    watch,
)
from dartboard.errors import SettingsError
from dartboard.estimate import SCHEDULES, TABLE_SPACE, find_tables, look_up
from dartboard.parts.architecture import StepGates
from dartboard.parts.recipe import Recipe
from dartboard.runs import SearchEpoch
from dartboard.space import Genotype, SearchSpace

__all__ = [
    "DerivedAccuracy",
    "DiscretisationGap",
    "discrete_step",
    "onset",
    "table_figures",
    "watched_derived",
    "watched_gap",
]


def onset(accuracies: Sequence[float | None], mean: float) -> int | None:
    """The first of some accuracies from which on all are below a mean, counted from 1; None if the last one is not.

    >>> onset([80, 90, 70, 60, 50], 75)
    3
    """
    first = None
    for number, accuracy in enumerate(accuracies, start=1):
        if accuracy is None or accuracy >= mean:
            first = None
        elif first is None:
            first = number
    return first


_COLUMN = "cifar10_test"


def table_figures(genotype: Genotype) -> dict[str, float]:
    """What a cell is worth in every table that is there, beside the mean and the best of all cells, as fractions.

    Returns:
        "EPOCHS epochs COLUMN" -> the accuracy, and the same with " mean" and " best"; empty where no table holds it.
    """
    tables, figures = find_tables(), dict[str, float]()
    for entry in look_up(genotype):
        for column, found in entry.figures.items():
            name, every = f"{entry.epochs} epochs {column}", tables[entry.epochs].accuracies(column) / 100
            told = {name: found.accuracy, f"{name} mean": every.mean(), f"{name} best": every.max()}
            figures |= {key: float(value) for key, value in told.items()}
    return figures


@dataclass(frozen=True)
class DerivedAccuracy(Watch):
    """Looks the cell that the method would derive now up in every table of NAS-Bench-201 that is there.

    The picture of collapse: the cells grow better for some epochs, and then worse for good. Nothing is trained. Figures
    of tables must never decide anything in a search; here they are only shown. Each schedule stands for itself.

    Paper: Single-DARTS, arXiv:2108.08128, figure 1; Wang et al., arXiv:2108.04392.
    """

    title = "Accuracy of the derived cell"
    reads_records = True
    charts = tuple(
        Chart(
            f"CIFAR-10 test accuracy of the derived cell in the table of {epochs} epochs, beside the mean and the best "
            "of all cells of the table. Once it stays below the mean, the search has collapsed.",
            f"accuracy (%), {epochs} epochs",
            {
                f"{epochs} epochs {_COLUMN}": "derived cell",
                f"{epochs} epochs {_COLUMN} mean": "mean of all cells",
                f"{epochs} epochs {_COLUMN} best": "best of all cells",
            },
            percent=True,
        )
        for epochs in SCHEDULES
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse spaces that no table holds, and places without a table.

        Raises:
            SettingsError: there is no table of the space.
        """
        if space.name != TABLE_SPACE:
            raise SettingsError(
                f"the watch 'derived-accuracy' looks cells up in tables of the space {TABLE_SPACE}, not of "
                f"{space.name}; leave it out, or search in that space."
            )
        if not find_tables():
            raise SettingsError(
                "the watch 'derived-accuracy' needs a table of NAS-Bench-201; set DARTBOARD_DATA to a folder that "
                "holds one (nas-bench-201/nb201_200epochs.parquet), or leave the watch out."
            )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """Free."""
        figures = table_figures(Genotype.from_json(epoch.genotype))
        return Seen(figures) if figures else None

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:
        """For every series the epoch from which on all cells are worse than the mean of the table."""
        if not seen:
            return {}
        last = seen[-1].figures
        series = [name for name in last if f"{name} mean" in last]
        found: dict[str, float | int | str | None] = {}
        for name in series:
            number = onset([each.figures.get(name) for each in seen], last[f"{name} mean"] or 0.0)
            found[f"below the mean for good from epoch, {name}"] = None if number is None else seen[number - 1].epoch
        return found


def discrete_step(search: StageSearch, genotype: Genotype) -> StepGates:
    """The gates of an architecture in the supernet: 1 for what it keeps, 0 for all else; all operations run.

    Of an edge that it gives up nothing is left, bypassed channels and auxiliary skip connections included.
    """
    mean = mean_step(search).gates
    gates, _ = search.state.architecture.of_genotype(genotype)
    for kind in search.state.architecture.cells:
        if f"{kind}.edges" in mean:
            gates[f"{kind}.edges"] = gates[kind].amax(dim=1)
    return StepGates({**mean, **gates}, None)


@dataclass(frozen=True)
class DiscretisationGap(Watch):
    """Compares the supernet with itself when only the derived cell is left in it, on the same images and weights.

    Paper: the gap grows with the curvature in alpha, RobustDARTS, arXiv:1909.09656; the smaller it is, the more the
    accuracy of the supernet says of the cell.
    """

    title = "Discretisation gap"
    charts = (
        Chart(
            "Validation accuracy that the supernet loses when only the derived cell is left in it, without tuning.",
            "gap (points)",
            {"gap": "accuracy lost"},
            percent=True,
        ),
        Chart("The same in the loss: what it gains.", "gap (nats)", {"loss gap": "loss gained"}),
        Chart(
            "The gap against the largest eigenvalue of the Hessian in alpha, one point for every epoch that measured "
            "it. A sharp loss in alpha makes a large gap.",
            "gap (points)",
            {"gap": "accuracy lost"},
            percent=True,
            against="eigenvalue",
        ),
    )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """One more pass over the validation images; None without such images."""
        if epoch.validation_accuracy is None or epoch.validation_loss is None:
            return None
        score = search.state.score(discrete_step(search, Genotype.from_json(epoch.genotype)))
        if score is None:
            return None
        return Seen(
            {
                "gap": epoch.validation_accuracy - score.accuracy,
                "loss gap": score.loss - epoch.validation_loss,
                "accuracy of the derived cell": score.accuracy,
            }
        )

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:
        """Spearman's rho of the gap with the largest eigenvalue."""
        gaps = [each.figures.get("gap") for each in seen]
        return {
            "rank correlation with the largest eigenvalue": rank_correlation(gaps, [each.eigenvalue for each in seen])
        }


@watch("derived-accuracy", paper="arXiv:2108.08128")
def watched_derived() -> DerivedAccuracy:
    """Accuracy of the cell derived after each epoch, in both tables of NAS-Bench-201."""
    return DerivedAccuracy()


@watch("discretisation-gap", paper="arXiv:1909.09656")
def watched_gap() -> DiscretisationGap:
    """What the supernet loses when only the derived cell is left in it."""
    return DiscretisationGap()
