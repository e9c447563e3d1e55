import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from dartboard.data import Dataset, DataSettings, ImageSet, describe_dataset, draw_contact_sheet
from dartboard.data.check import Duplicate

from .sources.layouts import write_task

SETTINGS = DataSettings(cache=False)


def test_a_folder_is_counted_measured_and_searched_for_broken_files(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "x" / "train", per_class=4, size=(8, 8)).parent
    write_image_folder(root / "test", per_class=3, size=(10, 20))
    (root / "train" / "cats" / "0.png").write_text("no image")
    (root / "train" / "dogs" / "9.png").write_bytes((root / "test" / "dogs" / "1.png").read_bytes())
    found, _ = describe_dataset(root, SETTINGS)
    assert found.images == {"train": 8, "test": 6}
    assert found.counts == {"train": (3, 5), "test": (3, 3)}
    assert (found.smallest, found.largest, found.sizes) == ((8, 8), (20, 10), 2)
    assert found.shape[0] == 1
    assert found.broken == {"train": {"train/cats/0.png": "it is not an image of a known format"}}
    assert found.duplicates == (Duplicate("train/dogs/9.png", "test/dogs/1.png"),)
    assert found.imbalance == pytest.approx(5 / 3)


def test_broken_test_images_without_labels_are_counted_too(tmp_path) -> None:
    task = write_task(tmp_path / "task")
    (task / "images_test" / "000007.png").write_text("no image")
    found, _ = describe_dataset(task, SETTINGS)
    assert found.images == {"train": 4, "test": 2}
    assert list(found.broken["test"]) == ["000007.png"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet_shows_images_of_each_class_in_its_strip(channels: int) -> None:
    images = np.zeros((6, 8, 8, channels), dtype=np.uint8)
    images[3:] = 200
    dataset = Dataset("x", ("dark", "日本"), ImageSet(images, np.array([0, 0, 0, 1, 1, 1])), None, None)
    with Image.open(io.BytesIO(draw_contact_sheet(dataset))) as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (4 + 2 * (14 + 64 + 8), 4 + 10 * 68, 3)
    middle = 4 + 14 + 32
    dark, bright = pixels[middle, :, 0], pixels[middle + 86, :, 0]
    assert (dark == 0).sum() == (bright == 200).sum() == 3 * 64
    assert dark[4 + 3 * 68] == 255, "no fourth image"


def test_a_notebook_shows_what_the_terminal_does(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "pets", ("cats", "<b>dogs"), per_class=3)
    description, _ = describe_dataset(root, SETTINGS)
    page = ElementTree.fromstring(description._repr_html_())
    rows = [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]
    assert [[heading, text] for heading, text in description.rows().items() if [heading, text] not in rows] == []
    assert ["class", "train"] in rows
    assert ["<b>dogs", "3"] in rows, "names are escaped"
