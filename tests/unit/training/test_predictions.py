import csv
from pathlib import Path

import numpy as np
import pytest

from dartboard.errors import SettingsError
from dartboard.training import ImagePredictions

SHARES = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0, 0, 1]], dtype=np.float32)


def made(*classes: str, names: tuple[str, ...] = ("a.png", "b, c.png", "日本 d.png")) -> ImagePredictions:
    return ImagePredictions(names, classes, SHARES, seconds=1.5)


@pytest.mark.parametrize(
    ("classes", "labels"),
    [(("3", "5", "10"), [5, 3, 10]), (("-1", "0", "1"), [0, -1, 1]), (("3", "x", "5"), [1, 0, 2])],
)
def test_labels_are_the_classes_themselves_where_all_are_whole_numbers(
    tmp_path: Path, classes: tuple[str, ...], labels: list[int]
) -> None:
    predictions = made(*classes)
    predictions.write(tmp_path / "p.npy")
    stored = np.load(tmp_path / "p.npy", allow_pickle=False)
    assert stored.dtype == np.int64
    assert stored.shape == (3,)
    assert stored.tolist() == labels
    assert predictions.predicted_classes == [classes[1], classes[0], classes[2]]
    assert predictions.images_per_second == 2.0


def test_the_table_reads_back_with_any_name(tmp_path: Path) -> None:
    made("x", "y", "z").write(tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["image_file_name", "label", "class", *(f"probability of {name}" for name in "xyz")]
    assert [row[:3] for row in rows[1:]] == [["a.png", "1", "y"], ["b, c.png", "0", "x"], ["日本 d.png", "2", "z"]]
    np.testing.assert_allclose(np.array([row[3:] for row in rows[1:]], dtype=np.float64), SHARES, rtol=1e-5)


def test_another_ending_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"p\.txt cannot be written; its name must end with \.npy or \.csv"):
        made("x", "y", "z").write(tmp_path / "p.txt")
    assert list(tmp_path.iterdir()) == []
