"""What the dataset says of itself, and what was noted while it was read."""

from dataclasses import dataclass

from dartboard.records import DatasetRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["DatasetSection", "Described"]


@dataclass(frozen=True)
class Described:
    """The dataset.

    Attributes:
        dataset: as recorded; None before the run has ended.
        description: what it says of itself, or nothing.
    """

    dataset: DatasetRecord | None
    description: str


@section("dataset")
class DatasetSection(Section[Described]):
    """What the dataset says of itself, and what was noted while it was read."""

    order = 100

    def read(self, run: RunRecords) -> Described | None:
        """The description, and the images as counted in the end."""
        dataset, description = run.result.dataset if run.result else None, run.description
        return Described(dataset, description) if dataset or description else None
