"""The dataset and the architecture of a run, in the form that several documents share."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from dartboard.data import Dataset, Finding, FindingKind, Splits
from dartboard.runs import Document, Record
from dartboard.space import Genotype

__all__ = ["DataFinding", "DatasetRecord", "GenotypeForms", "RunDataset"]


class DataFinding(Record):
    """Something about the dataset that makes results worse, or say less than they seem to."""

    kind: FindingKind
    """What was looked for."""

    count: int
    """How many images, classes or files it concerns."""

    examples: tuple[str, ...]
    """The first of them."""

    sentence: str
    """What was found and what to do."""


class DatasetRecord(Record):
    """The dataset of a run."""

    name: str
    """Short name."""

    train: int
    """Number of images that train the network and, in two halves, the supernet."""

    validation: int
    """Number of images held out of search and training."""

    test: int
    """Number of images of the final test."""

    classes: tuple[str, ...]
    """Class names in label order."""

    shape: tuple[int, int, int]
    """(channels, height, width) after resizing."""

    notes: tuple[str, ...]
    """Notes on choices that were made while the data was read."""

    findings: tuple[DataFinding, ...] = ()
    """What the check of the data found."""

    @classmethod
    def of(cls, dataset: Dataset, splits: Splits, findings: Iterable[Finding]) -> Self:
        """The record of a dataset that is split and checked."""
        return cls(
            name=dataset.name,
            train=len(splits.train),
            validation=len(splits.validation),
            test=len(splits.test),
            classes=dataset.classes,
            shape=dataset.image_shape,
            notes=tuple(dataset.notes),
            findings=tuple(DataFinding(**vars(finding)) for finding in findings),
        )


class RunDataset(Document):
    """The dataset as the run found it at its start; a resumed run must find the same classes and images."""

    file: ClassVar[str] = "dataset.json"
    written_by: ClassVar[str] = "start"

    dataset: DatasetRecord
    """The dataset of the run."""

    contents: dict[str, str]
    """For each set that the dataset brings 32 hexadecimal digits that change with any pixel or label."""

    decoder: str
    """What decoded the images; another version may decode the same files to other pixels."""

    def change(self, now: "RunDataset") -> str:
        """What is not the same now, in a few words; empty if nothing is, or if another decoder may be the reason."""
        before, after = self.dataset.classes, now.dataset.classes
        if before != after:
            others = [name for name in (*before, *after) if (name in before) != (name in after)]
            return f"other classes: {', '.join(others[:5])}" if others else "its classes in another order"
        if self.dataset.shape != now.dataset.shape:
            return "images of another shape"
        changed = self.changed_sets(now)
        return f"other {changed[0]} images or labels" if changed and self.decoder == now.decoder else ""

    def changed_sets(self, now: "RunDataset") -> list[str]:
        """The sets whose pixels or labels are not the same now."""
        said = {"train": "training"}
        return [said.get(name, name) for name in self.contents if self.contents[name] != now.contents.get(name)]


class GenotypeForms(Record):
    """An architecture in two forms."""

    text: str
    """The architecture in the notation of the literature."""

    plain: Annotated[dict[str, Any], Field(alias="json")]
    """The content of genotype.json."""

    @classmethod
    def of(cls, genotype: Genotype) -> Self:
        """Both forms of a genotype."""
        return cls(text=genotype.to_text(), plain=genotype.to_json())

    @property
    def genotype(self) -> Genotype:
        """The architecture as a genotype.

        Raises:
            GenotypeError: the recorded content is no genotype.
        """
        return Genotype.from_json(self.plain)
