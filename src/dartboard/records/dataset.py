"""The dataset and the architecture of a run, in the form that several documents share."""

from typing import Annotated, Any, Self

from pydantic import Field

from dartboard.runs import Record
from dartboard.space import Genotype

__all__ = ["DatasetRecord", "GenotypeForms"]


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
