"""Small datasets in each layout, written on the spot; image i is all of gray value 10 + i."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_images(folder: Path, names: Sequence[str], mode: str = "L", first: int = 10) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), first + number).convert(mode).save(path)


def write_task(root: Path, test_labels: Sequence[str] = ("", "nan", ""), mode: str = "L") -> Path:
    """Four training and three test images in the task layout, with the classes 0 and 1."""
    train, test = [f"{number:06}.png" for number in range(1, 5)], [f"{number:06}.png" for number in (9, 7, 8)]
    write_images(root / "images_train", train, mode)
    write_images(root / "images_test", test, mode, first=50)
    write_csv(root / "train.csv", zip(train, "0101", strict=True))
    write_csv(root / "test.csv", zip(test, test_labels, strict=True))
    (root / "description.md").write_text("# Grays\n\nTwo <kinds> of gray.\n", encoding="utf-8")
    return root


def write_csv(path: Path, rows, header: str = "image_file_name,label", separator: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(separator.join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def grays(images: np.ndarray) -> list[int]:
    return images[:, 0, 0, 0].tolist()
