"""What a network predicts for images, beside their labels where these are known, and the files that hold it."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from dartboard.errors import RunDirectoryError
from dartboard.runs import check_new_file, csv_rows, csv_text, write_atomically

__all__ = ["PREDICTION_ENDINGS", "ImagePredictions"]

PREDICTION_ENDINGS = (".npy", ".csv")
"""Endings of the files to which predictions can be written."""

_NAME, _PREDICTION, _LABEL, _LEFT_OUT = "image_file_name", "prediction", "label", "left_out_because"
_SHARE = "probability of "


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """The predictions of a network for some images.

    Attributes:
        names: names of the images, in the order of the manifest or folder, those of broken images among them.
        classes: class names in the order of the outputs.
        probabilities: float32, shape (images, classes); NaN for an image that was left out.
        seconds: time that the network took for all images.
        true_classes: the name of the class of each image, None where it is not known; empty if none is known.
        left_out: position of each image that cannot be read -> the reason; such images have no prediction.
    """

    names: Sequence[str]
    classes: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    seconds: float
    true_classes: Sequence[str | None] = ()
    left_out: Mapping[int, str] = field(default_factory=dict)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image, int64, shape (images,).

        If all class names are whole numbers, the labels are these numbers, so they can be compared with the labels of
        the dataset. Otherwise the labels are positions in `classes`. An image that was left out has -1, or the number
        below the smallest class where there are classes of negative numbers.
        """
        own = all(name.isascii() and name.removeprefix("-").isdigit() for name in self.classes)
        numbers = [int(name) for name in self.classes] if own else range(len(self.classes))
        found: npt.NDArray[np.int64] = np.array(numbers, dtype=np.int64)[self.probabilities.argmax(axis=1)]
        found[list(self.left_out)] = min(0, *numbers) - 1
        return found

    @property
    def predicted_classes(self) -> list[str]:
        """The name of the most probable class of each image; empty for an image that was left out."""
        best = enumerate(self.probabilities.argmax(axis=1).tolist())
        return ["" if row in self.left_out else self.classes[number] for row, number in best]

    def rows(self) -> Iterator[dict[str, Any]]:
        """For each image its name, the most probable class and the probability of that; None where it was left out."""
        told = zip(self.names, self.predicted_classes, self.probabilities.max(axis=1).tolist(), strict=True)
        for row, (name, predicted, share) in enumerate(told):
            lost = row in self.left_out
            yield {"image": name, "prediction": predicted or None, "probability": None if lost else share}

    @property
    def images_per_second(self) -> float:
        """Throughput of the network; the time for reading images is not counted."""
        return (len(self.names) - len(self.left_out)) / max(self.seconds, 1e-9)

    def write(self, path: Path) -> None:
        """Write `labels` to a .npy file, or a table with a row for each image to a .csv file, atomically.

        The table has the columns `image_file_name`, `prediction`, `label` (if any is known), a probability for each
        class, and `left_out_because` if an image was left out. Names that a spreadsheet would run as a formula have an
        apostrophe in front; `read` takes it off.

        Raises:
            SettingsError: the name ends with neither .npy nor .csv.
            RunDirectoryError: the file cannot be written.
        """
        check_new_file(path, PREDICTION_ENDINGS, overwrite=True)
        buffer = io.BytesIO()
        if path.suffix.lower() == ".npy":
            np.save(buffer, self.labels, allow_pickle=False)
        else:
            buffer.write(csv_text(self._header(), self._rows()).encode("utf-8", errors="backslashreplace"))
        write_atomically(path, lambda stream: stream.write(buffer.getvalue()))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table that `write` has written; probabilities have six digits there, and `seconds` becomes 0.

        Raises:
            RunDirectoryError: the file cannot be read, or is no such table.
        """
        try:
            header, *rows = csv_rows(path.read_bytes().decode())
            tables = [dict(zip(header, row, strict=True)) for row in rows]
            shares = [column for column in header if column.startswith(_SHARE)]
            names = [row[_NAME] for row in tables]
            values = [[float(row[column] or "nan") for column in shares] for row in tables]
        except OSError as error:
            raise RunDirectoryError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, KeyError) as error:
            raise RunDirectoryError(f"{path} is no table of predictions ({error}).") from error
        return cls(
            names,
            [column.removeprefix(_SHARE) for column in shares],
            np.array(values, dtype=np.float32).reshape(len(rows), len(shares)),
            seconds=0.0,
            true_classes=[row[_LABEL] or None for row in tables] if _LABEL in header else (),
            left_out={number: row[_LEFT_OUT] for number, row in enumerate(tables) if row.get(_LEFT_OUT)},
        )

    @property
    def _labelled(self) -> bool:
        return any(name is not None for name in self.true_classes)

    def _header(self) -> list[str]:
        label, reason = [_LABEL] if self._labelled else [], [_LEFT_OUT] if self.left_out else []
        return [_NAME, _PREDICTION, *label, *(f"{_SHARE}{name}" for name in self.classes), *reason]

    def _rows(self) -> Iterator[list[object]]:
        truths = self.true_classes if self._labelled else [None] * len(self.names)
        told = zip(self.names, self.predicted_classes, truths, self.probabilities.tolist(), strict=True)
        for number, (name, predicted, truth, shares) in enumerate(told):
            label, lost = [truth] if self._labelled else [], number in self.left_out
            reason = [self.left_out.get(number)] if self.left_out else []
            yield [name, predicted, *label, *("" if lost else f"{share:.6g}" for share in shares), *reason]
