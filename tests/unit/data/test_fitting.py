import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dartboard.data import DataSettings, load_dataset
from dartboard.data.fitting import choose_fitting
from dartboard.data.opening import Header
from dartboard.errors import DataError

Sizes = dict[tuple[int, int], int]


def choose(sizes: Sizes, **settings: object) -> tuple[tuple[int, int], str, tuple[str, ...]]:
    found = choose_fitting(
        {Header(height, width, 3): number for (height, width), number in sizes.items()},
        DataSettings.model_validate(settings),
    )
    return (found.height, found.width), found.fit, found.notes


def test_spectrograms_keep_their_shape_as_as_many_pixels_as_a_square() -> None:
    shape, fit, notes = choose({(128, 431): 50})
    assert (shape, fit) == ((68, 236), "stretch")
    assert notes == ("The images of 431x128 pixels keep their shape, as 236x68 (width x height).",)
    assert choose({(128, 431): 50}, image_size=64)[0] == (36, 116)


def test_small_images_of_one_size_are_left_as_they_are_without_a_word() -> None:
    for size in [(32, 128), (8, 8), (128, 128), (28, 28)]:
        assert choose({size: 9}) == (size, "stretch", ())


def test_photographs_of_several_shapes_are_cut_to_squares_with_the_share_that_is_lost() -> None:
    shape, fit, notes = choose({(240, 320): 1, (320, 240): 1, (300, 300): 2})
    assert (shape, fit) == ((128, 128), "crop")
    assert notes == (
        "The images of 3 sizes from 320x240 to 300x300 pixels are cut about their centres to 128x128 (width x height), "
        "which loses 12% of the average image; data.fit=pad keeps all of it.",
    )


def test_lines_of_text_of_many_lengths_are_padded_to_their_median_shape() -> None:
    shape, fit, notes = choose({(32, 40 * factor): 1 for factor in range(1, 11)})
    assert fit == "pad"
    assert shape == (36, 216)
    assert "surrounded by black to 216x36 (width x height); cutting them would lose" in notes[0]


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_what_the_user_asks_for_is_done(fit) -> None:
    assert choose({(128, 431): 1}, fit=fit)[1] == fit
    assert choose({(128, 431): 1}, fit="crop")[0] == (128, 128)
    assert choose({(20, 30): 1, (30, 20): 1}, fit=fit)[:2] == ((20, 20), fit)


def test_several_shapes_cannot_all_be_kept() -> None:
    with pytest.raises(DataError, match="needs images of one shape, but there are 2 sizes from 10x10 to 20x10"):
        choose({(10, 10): 1, (10, 20): 1}, fit="keep")
    assert choose({(10, 20): 1, (100, 200): 1}, fit="keep")[1] == "stretch"


@given(st.dictionaries(st.tuples(st.integers(1, 900), st.integers(1, 900)), st.integers(1, 9), min_size=1, max_size=6))
def test_shapes_are_neither_tiny_nor_huge_and_what_is_lost_is_said(sizes) -> None:
    (height, width), fit, notes = choose(sizes)
    assert min(height, width) >= (4 if len(sizes) == 1 else 8)
    assert height * width <= 1.25 * 128**2
    lost = [1 - min(h * width / (w * height), w * height / (h * width)) for h, w in sizes]
    if fit == "crop" and max(lost) > 0.1 and len(sizes) == 1:
        pytest.fail("a single shape is never cut")
    if fit == "crop" and min(lost) > 0.05:
        assert "which loses" in notes[0]


def test_both_ends_of_wide_images_reach_the_network(tmp_path) -> None:
    for label in ("left", "right"):
        (tmp_path / label).mkdir()
        for number in range(4):
            image = np.zeros((40, 500), np.uint8)
            image[:, :20] = 250 if label == "left" else 0
            image[:, -20:] = 250 if label == "right" else 0
            Image.fromarray(image).save(tmp_path / label / f"{number}.png")
    for fit in (None, "pad", "stretch"):
        images = load_dataset(tmp_path, DataSettings(cache=False, fit=fit)).train.images
        ends = images.max(axis=(1, 3)).astype(int)
        assert (ends[:4, :4].max(axis=1) > 200).all()
        assert (ends[4:, -4:].max(axis=1) > 200).all()
    cut = load_dataset(tmp_path, DataSettings(cache=False, fit="crop")).train.images
    assert cut.max() == 0


def test_the_cache_keeps_apart_what_is_read_in_different_ways(tmp_path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(30 * 60, dtype=np.uint16).reshape(30, 60)).save(stream, "PNG")
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "data" / label / f"{number}.png").write_bytes(stream.getvalue())
    for settings in (DataSettings(), DataSettings(fit="crop"), DataSettings(value_range=(0.0, 100.0))):
        first, second = (load_dataset(tmp_path / "data", settings, cache_dir=tmp_path / "cache") for _ in range(2))
        assert first.reading == second.reading
        assert first.notes == second.notes
        np.testing.assert_array_equal(first.train.images, second.train.images)
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_images_that_stand_as_often_as_they_lie_become_squares() -> None:
    shape, fit, notes = choose({(160, 90): 5, (90, 160): 5})
    assert (shape, fit) == ((90, 90), "pad")
    assert "2 sizes from 160x90 to 90x160 pixels are surrounded by black to 90x90" in notes[0]
    assert "would lose 44% of the average image" in notes[0]
    # A few that lie do not change the shape of those that stand.
    assert choose({(160, 90): 19, (90, 160): 1})[0] == (160, 88)
