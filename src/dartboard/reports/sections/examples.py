"""Test pictures that the network got right, and those that it got wrong."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dartboard.records.reader import RunRecords
from dartboard.reports.section import Section, section
from dartboard.reports.sections.confusion import class_names

__all__ = ["LARGEST_SIDE", "ExampleFacts", "ExamplesFacts", "ExamplesSection", "picture_uri"]

LARGEST_SIDE = 96
"""Side in pixels to which larger pictures are reduced; the browser enlarges smaller ones without smoothing."""


@dataclass(frozen=True)
class ExampleFacts:
    """One test picture, uint8 of shape (height, width, channels), with the names of its classes."""

    true: str
    predicted: str
    confidence: float
    image: NDArray[np.uint8] = field(compare=False, repr=False, metadata={"plain": False})


@dataclass(frozen=True)
class ExamplesFacts:
    """Correctly classified test pictures, and misclassified ones, the most confident first."""

    correct: tuple[ExampleFacts, ...]
    wrong: tuple[ExampleFacts, ...]


@section("examples")
class ExamplesSection(Section[ExamplesFacts]):
    """Test pictures that the network got right, and those that it got wrong."""

    order = 860
    needs = "No example pictures were recorded: examples.npz is missing."

    def read(self, run: RunRecords) -> ExamplesFacts | None:
        """The pictures with the names of their classes."""
        examples = run.examples
        if examples is None or not len(examples["labels"]):
            return None
        names = class_names(run, int(max(examples["labels"].max(), examples["predicted"].max())) + 1)
        correct: list[ExampleFacts] = []
        wrong: list[ExampleFacts] = []
        for image, label, predicted, confidence in zip(
            *(examples[key] for key in ("images", "labels", "predicted", "confidence")), strict=True
        ):
            fact = ExampleFacts(names[int(label)], names[int(predicted)], float(confidence), image)
            (correct if label == predicted else wrong).append(fact)
        return ExamplesFacts(tuple(correct), tuple(sorted(wrong, key=lambda example: -example.confidence)))

    def missing(self, run: RunRecords) -> str:
        """The sentence on missing pictures; none without a test."""
        return self.needs if run.scores else ""

    def drawn(self, told: ExamplesFacts) -> Mapping[str, Any]:
        """Every picture as a URI, and whether the browser should enlarge it."""
        return {
            name: [(picture_uri(each.image), max(each.image.shape[:2]) < LARGEST_SIDE) for each in examples]
            for name, examples in (("correct", told.correct), ("wrong", told.wrong))
        }


def picture_uri(image: NDArray[np.uint8]) -> str:
    """A `data:` URI of a picture.

    Args:
        image: shape (height, width, channels); of other than 1 or 3 channels three are shown as false colours.
    """
    from PIL import Image

    from dartboard.data import as_picture

    picture = as_picture(image)
    if max(picture.size) > LARGEST_SIDE:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
