"""The description of the dataset, and notes on reading it."""

from dataclasses import dataclass

from dartboard.records import DatasetRecord
from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section

__all__ = ["DatasetSection", "Described"]


@dataclass(frozen=True)
class Described:
    """The dataset.

    Attributes:
        dataset: its record in the summary; None before the run has ended.
        description: the description that the dataset brought along; may be empty.
    """

    dataset: DatasetRecord | None
    description: str


@section("dataset")
class DatasetSection(Section[Described]):
    """The description of the dataset, and notes on reading it."""

    order = 100

    def read(self, run: RunRecords) -> Described | None:
        """The description, and the record of the dataset in the summary."""
        dataset, description = run.dataset, run.description
        return Described(dataset, description) if dataset or description else None
