"""What a dataset holds, before anything is trained on it: counts, sizes, broken files, duplicates, and a picture."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dartboard.data.check import Duplicate, Finding, check_dataset
from dartboard.data.data_settings import DataSettings
from dartboard.data.dataset import Dataset, ImageSet
from dartboard.data.decode import Progress
from dartboard.data.loading import load_dataset
from dartboard.data.opening import BrokenImageError
from dartboard.data.pixels import as_picture, read_header
from dartboard.data.sources import ArrayData, SplitName, open_source
from dartboard.wording import count, html_sheet, html_table, shortened

__all__ = ["DatasetDescription", "describe_dataset", "draw_contact_sheet"]

_COLUMNS = 10
_MOST_CLASSES = 100
_TILE, _GAP, _TEXT = 64, 4, 14
_LONGEST_NAME = 60
_NAMED = 5
"""Number of broken files that are listed by name; all of them are counted."""

Size = tuple[int, int]


@dataclass(frozen=True)
class DatasetDescription:
    """What a dataset holds.

    Attributes:
        name: short name.
        classes: class names in label order.
        shape: (channels, height, width) that a run would use.
        images: readable images of each split that the source has.
        counts: for each split with labels the images of each class, in label order.
        smallest: (width, height) of the image with the fewest pixels, before resizing.
        largest: (width, height) of the image with the most pixels, before resizing.
        sizes: how many different sizes there are.
        broken: for each split the names of unreadable images and the reasons.
        duplicates: test images that are training images too, after decoding to `shape`.
        findings: what makes results worse, or say less than they seem to.
        imbalance: training images of the largest class per image of the smallest.
        notes: decisions made while reading.
    """

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    images: Mapping[str, int]
    counts: Mapping[str, tuple[int, ...]]
    smallest: Size
    largest: Size
    sizes: int
    broken: Mapping[str, Mapping[str, str]]
    duplicates: tuple[Duplicate, ...]
    findings: tuple[Finding, ...]
    imbalance: float
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`."""
        return asdict(self)

    def rows(self) -> dict[str, str]:
        """Heading -> text of what a reader wants to know first."""
        channels, height, width = self.shape
        smallest, largest = ("x".join(map(str, size)) for size in (self.smallest, self.largest))
        broken = [
            f"{shortened(name)} ({reason})" for reasons in self.broken.values() for name, reason in reasons.items()
        ]
        return {
            "name": self.name,
            "classes": str(len(self.classes)),
            "images": ", ".join(
                f"{number:,} {split}" + ("" if split in self.counts else " without labels")
                for split, number in self.images.items()
            ),
            "sizes": smallest if self.sizes == 1 else f"{self.sizes}, from {smallest} to {largest}",
            "read as": f"{width}x{height} pixels, {count(channels, 'channel')}",
            "imbalance": f"the largest class has {self.imbalance:.3g} times the training images of the smallest",
            "broken": _some(broken),
            "duplicates": "none",
            **self._findings(),
            "notes": " ".join(self.notes) or "none",
        }

    def _findings(self) -> dict[str, str]:
        """What the check of the data found: the kind -> sentences."""
        found: dict[str, list[str]] = {}
        for finding in self.findings:
            found.setdefault(finding.kind, []).append(finding.sentence)
        return {kind: " ".join(sentences) for kind, sentences in found.items()}

    def class_rows(self) -> list[list[str]]:
        """One row for each class: its name, and its number of images in each split of `counts`."""
        return [
            [shortened(name), *(f"{counts[number]:,}" for counts in self.counts.values())]
            for number, name in enumerate(self.classes)
        ]

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        return html_sheet(html_table(self.rows().items()), html_table(self.class_rows(), ("class", *self.counts)))


def describe_dataset(
    source: str | Path | ArrayData | None, settings: DataSettings, *, progress: Progress | None = None
) -> tuple[DatasetDescription, Dataset]:
    """Read a dataset and describe it; broken images are counted rather than refused.

    Args:
        source: the dataset, in any form that `load_dataset` takes.
        settings: how images are sized, and whether to use the cache; `skip_broken` counts as on.
        progress: called now and then with the numbers of images decoded and to be decoded.

    Returns:
        The description, and the dataset itself.

    Raises:
        DataError: there is no usable dataset.
    """
    lenient = settings.model_copy(update={"skip_broken": True})
    dataset = load_dataset(source, lenient, progress=progress, to_look_at=True)
    sets: dict[str, ImageSet] = {
        name: images for name in get_args(SplitName) if (images := getattr(dataset, name)) is not None
    }
    counts = {
        name: np.bincount(images.labels, minlength=len(dataset.classes)).tolist()
        for name, images in sets.items()
        if images.labels is not None
    }
    sizes = _native_sizes(source, lenient)
    check = check_dataset(dataset)
    description = DatasetDescription(
        name=dataset.name,
        classes=dataset.classes,
        shape=dataset.image_shape,
        images={name: len(images) for name, images in sets.items()},
        counts={name: tuple(numbers) for name, numbers in counts.items()},
        smallest=min(sizes, key=_pixels),
        largest=max(sizes, key=_pixels),
        sizes=len(sizes),
        broken={name: reasons for name, reasons in dataset.broken.items() if reasons},
        duplicates=check.duplicates,
        findings=check.findings,
        imbalance=max(counts["train"]) / min(counts["train"]),
        notes=tuple(dataset.notes),
    )
    return description, dataset


def draw_contact_sheet(dataset: Dataset) -> bytes:
    """A PNG file with one strip a class: its name and count, and ten of its training images, evenly spaced.

    Images below 64 pixels are enlarged without smoothing. Only the first 100 classes are drawn.
    """
    labels = dataset.train.true_labels
    strips = dataset.classes[:_MOST_CLASSES]
    height = _GAP + len(strips) * (_TEXT + _TILE + 2 * _GAP)
    sheet = Image.new("RGB", (_GAP + _COLUMNS * (_TILE + _GAP), height), "white")
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(strips):
        top = _GAP + number * (_TEXT + _TILE + 2 * _GAP)
        rows = np.flatnonzero(labels == number)
        heading = f"{name[:_LONGEST_NAME]}: {len(rows)}"
        # Pillow's own font has Latin letters only where FreeType is missing.
        pen.text((_GAP, top), heading.encode("latin-1", errors="replace").decode("latin-1"), fill="black")
        chosen = rows[np.linspace(0, len(rows) - 1, min(_COLUMNS, len(rows))).round().astype(np.int64)]
        for column, row in enumerate(chosen.tolist()):
            sheet.paste(_tile(dataset.train.images[row]), (_GAP + column * (_TILE + _GAP), top + _TEXT))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _some(entries: Sequence[str]) -> str:
    more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
    return f"{len(entries)}: {', '.join(entries[:_NAMED])}{more}" if entries else "none"


def _native_sizes(source: str | Path | ArrayData | None, settings: DataSettings) -> Counter[Size]:
    """(width, height) of the readable images, before resizing -> how many have it."""
    sizes: Counter[Size] = Counter()
    for split in open_source(source, settings).splits.values():
        for encoded in split.images:
            try:
                header = read_header(encoded)
            except BrokenImageError:
                continue
            sizes[header.width, header.height] += 1
    return sizes


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _tile(image: npt.NDArray[np.uint8]) -> Image.Image:
    picture = as_picture(image)
    smooth = max(picture.size) > _TILE
    return picture.resize((_TILE, _TILE), Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)
