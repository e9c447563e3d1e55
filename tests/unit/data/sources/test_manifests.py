"""Manifests that spreadsheets and scripts leave behind: open quotes, and files that are listed more than once."""

from pathlib import Path

import pytest

from dartboard.data import DataSettings
from dartboard.data.sources import open_source
from dartboard.errors import DataError

from .layouts import write_csv, write_images, write_task

SETTINGS = DataSettings()


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('0.png,cat\n1.png,"dog\n2.png,cat\n3.png,dog\n', 3),
        ('"0.png,cat\n1.png,dog\n', 2),
        ('"0.png,cat\n"1.png",dog\n', 2),
        ('0.png,cat,"5 inch\n1.png,dog,"x"\n2.png,cat,\n', 2),
        ('0.png,cat\n1.png,dog,"' + "x" * 140_000 + "\n" + "y" * 140_000, 3),
    ],
)
def test_the_line_of_an_open_quote_is_named(tmp_path: Path, rows: str, line: int) -> None:
    write_images(tmp_path, [f"{row}.png" for row in range(4)])
    (tmp_path / "m.csv").write_text(f"image,label,caption\n{rows}")
    with pytest.raises(DataError, match=rf"row that begins in line {line} of m\.csv cannot be read as CSV .*close"):
        open_source(tmp_path / "m.csv", SETTINGS)


def test_quotes_that_are_closed_may_hold_lines_and_quotes(tmp_path: Path) -> None:
    write_images(tmp_path, [f"{row}.png" for row in range(4)])
    rows = '0.png,cat,"two\nlines"\n1.png,dog,"say ""a"""\n2.png,cat,5" wide\n"3.png","dog",\n4.png,cat,\n'
    (tmp_path / "m.csv").write_text(f"sep=,\nimage,label,caption\n{rows}")
    with pytest.raises(DataError, match=r"^line 8 of m\.csv names '4\.png'"):
        open_source(tmp_path / "m.csv", SETTINGS)
    (tmp_path / "4.png").write_bytes(b"")
    assert open_source(tmp_path / "m.csv", SETTINGS).splits["train"].names == [f"{row}.png" for row in range(5)]


def test_files_that_are_listed_twice_are_told(tmp_path: Path) -> None:
    write_images(tmp_path, [f"{row}.png" for row in range(4)])
    rows = [("0.png", "a"), ("1.png", "b"), ("./0.png", "a"), ("2.png", "b"), ("0.png", "b"), ("2.png", "b")]
    index = open_source(write_csv(tmp_path / "m.csv", rows), SETTINGS)
    assert index.notes == (
        "m.csv lists 2 images more than once, such as 0.png in line 2, line 4 and line 6, and every row counts; remove "
        "those that should not.",
    )
    parted = [(*row, split) for row, split in zip(rows[:4], ["train", "train", "test", "test"], strict=True)]
    both = write_csv(tmp_path / "parted.csv", parted, "image_file_name,label,split")
    assert open_source(both, SETTINGS).notes == (), "one file in two splits is what the check of the pixels finds"


def test_a_task_tells_files_that_are_listed_twice(tmp_path: Path) -> None:
    root = write_task(tmp_path / "task")
    table = root / "train.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1] + "\n")
    assert any(note.startswith("train.csv lists 1 image more than once") for note in open_source(root, SETTINGS).notes)


def test_blanks_before_quotes_are_no_part_of_a_cell(tmp_path: Path) -> None:
    write_images(tmp_path, ["a,b.png", "c.png"])
    (tmp_path / "m.csv").write_text('image, label\n"a,b.png", "x"\nc.png, "y"\n')
    index = open_source(tmp_path / "m.csv", SETTINGS)
    assert (index.classes, index.splits["train"].names) == (("x", "y"), ["a,b.png", "c.png"])


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("image,label,label", "0.png,a,b", "m.csv has several columns 'label'; rename all but the one that counts"),
        ("image,label,split", "0.png,a", "line 2 of m.csv has no split; write train, val or test there"),
    ],
)
def test_what_a_table_leaves_open_is_asked_for(tmp_path: Path, header: str, row: str, told: str) -> None:
    write_images(tmp_path, ["0.png"])
    (tmp_path / "m.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(DataError, match=told):
        open_source(tmp_path / "m.csv", SETTINGS)


@pytest.mark.parametrize(
    ("name", "told"),
    [("d.zip", "unpack it"), ("d.npy", "give an .npz file"), ("d.PNG", "a single image"), ("d.xlsx", "as a CSV file")],
)
def test_files_that_people_take_for_datasets_are_refused_with_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=rf"neither a folder nor a file of a known kind; .*{told}"):
        open_source(tmp_path / name, SETTINGS)


def test_a_table_that_lacks_its_line_of_names_is_refused_by_its_first_line(tmp_path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.png").touch()
    (tmp_path / "list.csv").write_text("\n".join(f"{number}.png,{'ab'[number % 2]}" for number in range(4)))
    with pytest.raises(DataError, match=r"the first line of list.csv lists an image \(0.png, a\); .* image,label"):
        open_source(tmp_path / "list.csv", DataSettings())
