import numpy as np
import pytest
from PIL import Image

from dartboard.data import DataSettings, load_dataset
from dartboard.errors import DataError

SETTINGS = DataSettings(cache=False)


@pytest.mark.parametrize(
    ("size", "image_size", "expected"),
    [
        ((12, 10, 3), None, (12, 10, 3)),
        ((64, 20), None, (64, 20, 1)),
        ((65, 20), None, (65, 20, 1)),
        ((130, 130), None, (128, 128, 1)),
        ((200, 150, 3), None, (148, 112, 3)),
        ((300, 70), None, (264, 60, 1)),
        ((100, 6), None, (100, 6, 1)),
        ((100, 3), None, (268, 8, 1)),
        ((12, 10, 3), 8, (8, 8, 3)),
        ((12, 10), 32, (36, 28, 1)),
    ],
)
def test_images_of_one_shape_keep_it_and_are_limited_in_their_number_of_pixels(
    tmp_path, write_image_folder, size, image_size, expected
) -> None:
    root = write_image_folder(tmp_path / "x", size=size)
    dataset = load_dataset(root, DataSettings(cache=False, image_size=image_size))
    assert dataset.train.images.shape[1:] == expected
    assert dataset.train.images.dtype == np.uint8


def test_pixels_and_labels_stay_together_and_in_order(image_folder) -> None:
    dataset = load_dataset(image_folder, SETTINGS)
    files = sorted(image_folder.glob("*/*.png"))
    for file, image, label in zip(files, dataset.train.images, dataset.train.labels, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(file)))
        assert dataset.classes[label] == file.parent.name


def test_images_of_many_sizes_become_squares_of_their_median_shorter_side(image_folder) -> None:
    Image.new("RGB", (90, 20)).save(image_folder / "cats" / "wide.png")
    Image.new("RGB", (30, 40)).save(image_folder / "cats" / "tall.png")
    assert load_dataset(image_folder, SETTINGS).image_shape == (3, 20, 20)


def test_one_coloured_image_makes_all_coloured(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "x", size=(8, 8))
    Image.new("RGB", (8, 8)).save(root / "cats" / "colour.png")
    assert load_dataset(root, SETTINGS).image_shape == (3, 8, 8)


def test_images_of_several_numbers_of_channels_are_refused_by_name(tmp_path, write_image_folder) -> None:
    root = write_image_folder(tmp_path / "x", size=(8, 8, 3))
    np.save(root / "dogs" / "four.npy", np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(
        DataError, match=r"^images of 3 \(cats/0.png\) and 4 \(dogs/four.npy\) channels are mixed; give"
    ):
        load_dataset(root, SETTINGS)


def _break_two(root) -> None:
    whole = (root / "dogs" / "2.png").read_bytes()
    (root / "dogs" / "2.png").write_bytes(whole[: len(whole) // 2])
    (root / "cats" / "notes.png").write_text("not an image")


def test_broken_files_stop_the_reading_with_the_first_one_and_their_number(image_folder) -> None:
    _break_two(image_folder)
    with pytest.raises(DataError, match=r"^cats/notes.png cannot .*known format.* 2 of 13 images .* --skip-broken\.$"):
        load_dataset(image_folder, SETTINGS)


def test_broken_files_are_left_out_with_a_note_on_request(image_folder) -> None:
    whole = load_dataset(image_folder, SETTINGS).train
    _break_two(image_folder)
    dataset = load_dataset(image_folder, DataSettings(cache=False, skip_broken=True))
    assert dataset.notes == ("2 broken images were left out: cats/notes.png, dogs/2.png.",)
    np.testing.assert_array_equal(dataset.train.images, np.delete(whole.images, 8, axis=0))
    assert dataset.train.labels.tolist() == [0] * 6 + [1] * 5


def test_the_note_names_three_files_and_counts_the_rest(image_folder) -> None:
    for number in range(5):
        (image_folder / "cats" / f"x{number}.png").write_bytes(b"?")
    notes = load_dataset(image_folder, DataSettings(cache=False, skip_broken=True)).notes
    assert notes == ("5 broken images were left out: cats/x0.png, cats/x1.png, cats/x2.png and 2 more.",)


def test_a_class_left_with_one_image_after_skipping_is_refused(image_folder) -> None:
    for number in range(5):
        (image_folder / "cats" / f"{number}.png").write_bytes(b"?")
    with pytest.raises(DataError, match="class 'cats' of pets has a single training image"):
        load_dataset(image_folder, DataSettings(cache=False, skip_broken=True))


def test_nothing_but_broken_files_is_refused_even_when_skipping(image_folder) -> None:
    for file in image_folder.glob("*/*.png"):
        file.write_bytes(b"?")
    with pytest.raises(DataError, match="12 of 12 images in all are broken; check that this is the right dataset"):
        load_dataset(image_folder, DataSettings(cache=False, skip_broken=True))


def test_a_dangling_link_is_a_broken_file(image_folder) -> None:
    (image_folder / "cats" / "gone.png").symlink_to(image_folder / "nowhere.png")
    with pytest.raises(DataError, match=r"cats/gone.png cannot be read as an image \(No such file"):
        load_dataset(image_folder, SETTINGS)


def test_progress_rises_to_the_total_over_all_splits(tmp_path, write_image_folder) -> None:
    for split in ("train", "test"):
        write_image_folder(tmp_path / "x" / split, per_class=20)
    seen: list[tuple[int, int]] = []
    load_dataset(tmp_path / "x", SETTINGS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(32, 80), (64, 80), (80, 80)]


@pytest.mark.data
def test_photographs_of_flowers_become_squares(data_root, tmp_path) -> None:
    dataset = load_dataset(
        data_root / "flowers5", DataSettings(max_train_images=100, image_size=32), cache_dir=tmp_path
    )
    assert dataset.classes == ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    assert dataset.train.images.shape == (100, 32, 32, 3)
    assert len(dataset.test) == 736
    # Photographs use the whole range; a decoder that left rows empty would not.
    assert (dataset.train.images.reshape(100, -1).std(axis=1) > 5).all()
