"""Predictions for images without labels, and the files with these predictions."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dartboard.runs import check_new_file, write_atomically

__all__ = ["PREDICTION_ENDINGS", "ImagePredictions"]

PREDICTION_ENDINGS = (".npy", ".csv")
"""Endings of the files to which predictions can be written."""


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """The predictions of a network for some images.

    Attributes:
        names: names of the images, in the order of the manifest or folder.
        classes: class names in the order of the outputs.
        probabilities: float32, shape (images, classes).
        seconds: time that the network took for all images.
    """

    names: Sequence[str]
    classes: Sequence[str]
    probabilities: npt.NDArray[np.float32]
    seconds: float

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The most probable class of each image, int64, shape (images,).

        If all class names are whole numbers, the labels are these numbers, so they can be compared with the labels of
        the dataset. Otherwise the labels are positions in `classes`.
        """
        own = all(name.isascii() and name.removeprefix("-").isdigit() for name in self.classes)
        numbers = [int(name) for name in self.classes] if own else range(len(self.classes))
        found: npt.NDArray[np.int64] = np.array(numbers, dtype=np.int64)[self.probabilities.argmax(axis=1)]
        return found

    @property
    def predicted_classes(self) -> list[str]:
        """The name of the most probable class of each image."""
        return [self.classes[number] for number in self.probabilities.argmax(axis=1).tolist()]

    @property
    def images_per_second(self) -> float:
        """Throughput of the network; the time for reading images is not counted."""
        return len(self.names) / max(self.seconds, 1e-9)

    def write(self, path: Path) -> None:
        """Write `labels` to a .npy file, or names, labels, classes and probabilities to a .csv file, atomically.

        Raises:
            SettingsError: the name ends with neither .npy nor .csv.
            RunDirectoryError: the file cannot be written.
        """
        check_new_file(path, PREDICTION_ENDINGS, overwrite=True)
        buffer = io.BytesIO()
        if path.suffix.lower() == ".npy":
            np.save(buffer, self.labels, allow_pickle=False)
        else:
            buffer.write(self._table().encode("utf-8", errors="backslashreplace"))
        write_atomically(path, lambda stream: stream.write(buffer.getvalue()))

    def _table(self) -> str:
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["image_file_name", "label", "class", *(f"probability of {name}" for name in self.classes)])
        for name, label, named, row in zip(
            self.names, self.labels.tolist(), self.predicted_classes, self.probabilities.tolist(), strict=True
        ):
            table.writerow([name, label, named, *(f"{share:.6g}" for share in row)])
        return text.getvalue()
