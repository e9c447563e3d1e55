"""A picture of a dataset: some training images of each class, as networks will see them."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dartboard.data.dataset import Dataset

__all__ = ["draw_contact_sheet"]

_COLUMNS = 10
_MOST_CLASSES = 100
_TILE, _GAP, _TEXT = 64, 4, 14
_LONGEST_NAME = 60


def draw_contact_sheet(dataset: Dataset) -> bytes:
    """A PNG file with one strip a class: its name and count, and ten of its training images, evenly spaced.

    Images below 64 pixels are enlarged without smoothing. Of more than 100 classes the first 100 are drawn.
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


def _tile(image: npt.NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    smooth = max(picture.size) > _TILE
    return picture.resize((_TILE, _TILE), Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)
