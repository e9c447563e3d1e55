"""What a run was about: images and an architecture, as several documents tell them."""

from typing import Annotated, Any, Self

from pydantic import Field

from dartboard.runs import Record
from dartboard.space import Genotype

__all__ = ["DatasetRecord", "GenotypeForms"]


class DatasetRecord(Record):
    """What was learned from and tested on."""

    name: str
    """Short name."""

    train: int
    """Images that train the network (and, in two halves, the supernet)."""

    validation: int
    """Images held out of search and training."""

    test: int
    """Images of the final test."""

    classes: tuple[str, ...]
    """Class names in label order."""

    shape: tuple[int, int, int]
    """(channels, height, width) after resizing."""

    notes: tuple[str, ...]
    """What was chosen while reading."""


class GenotypeForms(Record):
    """The architecture in both forms."""

    text: str
    """The literature's notation."""

    plain: Annotated[dict[str, Any], Field(alias="json")]
    """The content of genotype.json."""

    @classmethod
    def of(cls, genotype: Genotype) -> Self:
        """Both forms of a genotype."""
        return cls(text=genotype.to_text(), plain=genotype.to_json())

    @property
    def genotype(self) -> Genotype:
        """The architecture itself.

        Raises:
            GenotypeError: it is none.
        """
        return Genotype.from_json(self.plain)
