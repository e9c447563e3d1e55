import csv
from pathlib import Path

import numpy as np
import pytest

from dartboard.errors import RunDirectoryError, SettingsError
from dartboard.training import ImagePredictions

SHARES = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0, 0, 1]], dtype=np.float32)


def made(*classes: str, names: tuple[str, ...] = ("a.png", "b, c.png", "日本 d.png")) -> ImagePredictions:
    return ImagePredictions(names, classes, SHARES, seconds=1.5)


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


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
    rows = table(tmp_path / "p.csv")
    assert rows[0] == ["image_file_name", "prediction", *(f"probability of {name}" for name in "xyz")]
    assert [row[:2] for row in rows[1:]] == [["a.png", "y"], ["b, c.png", "x"], ["日本 d.png", "z"]]
    np.testing.assert_allclose(np.array([row[2:] for row in rows[1:]], dtype=np.float64), SHARES, rtol=1e-5)


def test_predictions_and_labels_are_columns_apart_and_a_label_that_is_not_known_is_an_empty_cell(
    tmp_path: Path,
) -> None:
    predictions = ImagePredictions(["a", "b", "c"], ["x", "y", "z"], SHARES, 1.0, ["y", None, "other"])
    predictions.write(tmp_path / "p.csv")
    rows = table(tmp_path / "p.csv")
    assert rows[0][:3] == ["image_file_name", "prediction", "label"]
    assert [row[1:3] for row in rows[1:]] == [["y", "y"], ["x", ""], ["z", "other"]]
    assert ImagePredictions.read(tmp_path / "p.csv").true_classes == ["y", None, "other"]


def test_an_image_that_was_left_out_keeps_its_row_and_gets_no_prediction(tmp_path: Path) -> None:
    shares = SHARES.copy()
    shares[1] = np.nan
    predictions = ImagePredictions(["a", "b", "c"], ["x", "y", "z"], shares, 2.0, left_out={1: "it is empty"})
    predictions.write(tmp_path / "p.csv")
    predictions.write(tmp_path / "p.npy")
    rows = table(tmp_path / "p.csv")
    assert rows[0][-1] == "left_out_because"
    assert rows[2] == ["b", "", "", "", "", "it is empty"]
    assert [row[-1] for row in rows[1:]] == ["", "it is empty", ""]
    assert np.load(tmp_path / "p.npy").tolist() == [1, -1, 2]
    assert predictions.images_per_second == 1.0
    negative = ImagePredictions(["a", "b", "c"], ["-1", "0", "1"], shares, 2.0, left_out={1: "it is empty"})
    assert negative.labels.tolist() == [0, -2, 1], "-1 is a class"


def test_names_that_a_spreadsheet_would_run_are_defused_and_read_back_as_they_are(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0.png", "+1+1.png", "\tx.png"]
    classes = ["@SUM(1)", "-2+3", "plain"]
    ImagePredictions(names, classes, SHARES, 0.0, ["-2+3", "=1", "-5"]).write(tmp_path / "p.csv")
    cells = [cell for row in table(tmp_path / "p.csv") for cell in row]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == ["-5"], "a number is no formula"
    again = ImagePredictions.read(tmp_path / "p.csv")
    assert (again.names, again.classes, again.true_classes) == (names, classes, ["-2+3", "=1", "-5"])
    np.testing.assert_allclose(again.probabilities, SHARES, rtol=1e-5)


def test_another_file_is_no_table_of_predictions(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(RunDirectoryError, match=r"p\.csv is no table of predictions"):
        ImagePredictions.read(tmp_path / "p.csv")


def test_another_ending_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"p\.txt cannot be written; its name must end with \.npy or \.csv"):
        made("x", "y", "z").write(tmp_path / "p.txt")
    assert list(tmp_path.iterdir()) == []


def test_rows_tell_image_prediction_and_its_probability() -> None:
    shares = np.array([[0.25, 0.75], [np.nan, np.nan]], dtype=np.float32)
    found = ImagePredictions(["x.png", "y.png"], ["a", "b"], shares, 1.0, left_out={1: "it is empty"})
    assert list(found.rows()) == [
        {"image": "x.png", "prediction": "b", "probability": 0.75},
        {"image": "y.png", "prediction": None, "probability": None},
    ]
