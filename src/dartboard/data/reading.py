"""How encoded images become uint8 arrays of one shape: decided once for a dataset, and repeated on new images."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

__all__ = ["FULL_SCALES", "Fit", "Ranges", "Reading"]

Fit = Literal["crop", "pad", "stretch"]
"""How an image of another shape is brought to the common one: cut about its centre, surrounded by black, or scaled in
both directions by factors of their own."""

Ranges = tuple[tuple[float, float], ...]
"""For each channel the value that becomes 0 and the value that becomes 255."""

FULL_SCALES = {"bool": 1.0, "int8": 127.0, "uint16": 65535.0, "int16": 32767.0, "int32": 65535.0, "uint32": 65535.0} | {
    "float16": 1.0,
    "float32": 1.0,
    "float64": 1.0,
}
"""What becomes 255, by the kind of the values, where the training images were all of 8 bits and tell no range."""


class Reading(NamedTuple):
    """How images are read.

    Attributes:
        height: height of the arrays, in pixels.
        width: width of the arrays, in pixels.
        channels: 1 for gray, 3 for RGB, else what the files hold.
        fit: what happens to images of another shape.
        ranges: how values of other kinds than 8 bits are scaled; None where there were none to measure them on.
    """

    height: int
    width: int
    channels: int
    fit: Fit = "crop"
    ranges: Ranges | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Reading":
        """What `_asdict` gave, after a way through JSON, which knows no tuples.

        Raises:
            LookupError, TypeError, ValueError: it is not of that form.
        """
        ranges = document["ranges"]
        pairs = None if ranges is None else tuple((float(black), float(white)) for black, white in ranges)
        if document["fit"] not in get_args(Fit):
            raise ValueError(f"{document['fit']!r} is no way to fit images")
        height, width, channels = (int(document[name]) for name in ("height", "width", "channels"))
        return cls(height, width, channels, document["fit"], pairs)
