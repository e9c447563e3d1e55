"""The description of the dataset, notes on reading it, and what its check found."""

from dataclasses import dataclass

from dartboard.records import DatasetRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["DatasetSection", "Described"]


@dataclass(frozen=True)
class Described:
    """The dataset.

    Attributes:
        dataset: its record; None in unfinished runs of earlier versions.
        description: the description that the dataset brought along; may be empty.
    """

    dataset: DatasetRecord | None
    description: str


@section("dataset")
class DatasetSection(Section[Described]):
    """The description of the dataset, notes on reading it, and what its check found."""

    order = 100
    title = "Data"

    def read(self, run: RunRecords) -> Described | None:
        """The description, and the record of the dataset."""
        dataset, description = run.dataset, run.description
        return Described(dataset, description) if dataset or description else None
