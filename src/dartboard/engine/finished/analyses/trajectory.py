"""What each snapshot of a supernet along its search gives, read by several selections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typing_extensions import override

from dartboard.engine.finished.analyses.protocol import Analysis, Findings, Measurement, analysis
from dartboard.engine.finished.reselection import RESELECTIONS, Reselection, make_reselection
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.loop import run_reselection
from dartboard.errors import SettingsError
from dartboard.estimate import look_up
from dartboard.parts.recipe import Count
from dartboard.runs import Observer, Record, RunDirectory
from dartboard.space import Genotype, SearchSpace
from dartboard.wording import names_in

__all__ = ["Snapshots", "Trajectory", "TrajectoryPoint"]

_SKIP, _PREFIX = "skip_connect", "snapshot-"


class TrajectoryPoint(Record):
    """The architecture that a selection reads from a snapshot."""

    epoch: int
    """Epoch of the search after which the snapshot was kept."""

    share: float
    """Share of the search that was done by then."""

    selection: str
    """Name of the selection."""

    genotype: str
    """The architecture, as text."""

    skips: int
    """Number of skip connections in it."""

    supernet_accuracy: float | None
    """Validation accuracy of the supernet after that epoch, as a fraction."""

    tables: dict[str, dict[str, float]]
    """Epochs of the schedule of a table of NAS-Bench-201 -> accuracies of the architecture in it, as fractions."""


class Trajectory(Record):
    """What the snapshots of a search give, read by several selections."""

    points: tuple[TrajectoryPoint, ...]
    """Snapshot by snapshot, selection by selection."""


@dataclass(frozen=True)
class Snapshots(Analysis):
    """Reads every snapshot of a supernet by its gates and by perturbation, the latter with its whole tuning.

    If the gates were the better guide, their cells would become better with the supernet; the paper finds that they
    become worse while those by perturbation do not. Paper: Wang et al., arXiv:2108.04392, figure 4.

    Attributes:
        selections: names of registered selections.
        epochs: of the tuning of selections that tune; None: as the selection has it.
    """

    selections: Sequence[str] = ("strongest", "perturbation")
    epochs: int | None = None
    learns = True

    @override
    def refuse(self, space: SearchSpace) -> None:
        made = [self._made(name) for name in self.selections]
        if self.epochs is not None and not any(each.epochs for each in made):
            raise SettingsError(
                f"the option 'epochs' of the analysis 'trajectory' does nothing, as no selection of "
                f"{', '.join(self.selections)} tunes the supernet; leave it out, or name one that does (perturbation)."
            )

    def _made(self, name: str) -> Reselection:
        tunes = self.epochs is not None and "epochs" in RESELECTIONS[name].options
        return make_reselection(name, {"epochs": self.epochs} if tunes else {})

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """Every selection of every snapshot.

        Raises:
            SettingsError: the search kept no snapshots.
        """
        folder = finished.source.path / "checkpoints"
        kept = sorted(int(path.stem.removeprefix(_PREFIX)) for path in folder.glob(f"{_PREFIX}*.pt"))
        if not kept:
            raise SettingsError(
                f"the search in {finished.source.path} kept no snapshots of its supernet; search again with --set "
                "search.snapshots=5."
            )
        return [
            Measurement(f"epoch {epoch} by {name}", partial(self._read, finished, epoch, name))
            for epoch in kept
            for name in self.selections
        ]

    def _read(self, finished: FinishedSearch, epoch: int, name: str) -> Findings:
        with TemporaryDirectory() as folder, RunDirectory(Path(folder) / "selection") as run:
            run.claim({})
            genotype = run_reselection(
                finished.problem,
                finished.method,
                self._made(name),
                finished.settings.model_copy(update={"seconds": None}),  # the tuning is whole at every snapshot
                run,
                source=finished.source,
                length=finished.length,
                seed=finished.seed,
                observer=Observer(),
                checkpoint=f"{_PREFIX}{epoch}",
            )
        accuracies = {each.epoch: each.validation_accuracy for each in finished.epochs}
        return TrajectoryPoint(
            epoch=epoch,
            share=epoch / finished.length.epochs,
            selection=name,
            genotype=genotype.to_text(),
            skips=genotype.operation_counts.get(_SKIP, 0),
            supernet_accuracy=accuracies.get(epoch),
            tables=_in_tables(genotype),
        ).model_dump(mode="json")

    def conclude(self, measured: Mapping[str, Findings]) -> Findings:
        """Every point.

        Returns:
            The plain data of a `Trajectory`.
        """
        points = tuple(TrajectoryPoint.model_validate(each) for each in measured.values())
        return Trajectory(points=points).model_dump(mode="json")


def _in_tables(genotype: Genotype) -> dict[str, dict[str, float]]:
    """Accuracies of an architecture by the tables of NAS-Bench-201, as fractions; empty where no table holds it."""
    return {
        str(entry.epochs): {column: figures.accuracy for column, figures in entry.figures.items()}
        for entry in look_up(genotype)
    }


@analysis("trajectory", paper="arXiv:2108.04392")
def trajectory(*, selections: str = "strongest,perturbation", epochs: Count | None = None) -> Any:
    """Read every snapshot along the search by its gates and by perturbation.

    Args:
        selections: names of selections, separated by commas (`dartboard selections` lists them).
        epochs: of the tuning of those that tune; null: as many as the selection has.
    """
    return Snapshots(names_in(selections), epochs)
