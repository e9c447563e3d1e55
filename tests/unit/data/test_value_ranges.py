import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.data import ArrayData, DataSettings, load_dataset, load_images
from dartboard.data.pixels import decode_image
from dartboard.data.reading import Reading
from dartboard.data.value_ranges import choose_ranges, measure_ranges, range_of


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_half_of_a_customary_scale_is_enough_for_it(bits) -> None:
    full = 2**bits - 1
    for highest in (full, full // 2 + 1):
        assert range_of(0, highest, whole=True) == (0.0, full)


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0, 16, True, (0.0, 16.0)),
        (29000, 31000, True, (29000.0, 31000.0)),
        (-1024, 3071, True, (-1024.0, 3071.0)),
        (0.0, 0.003, False, (0.0, 0.003)),
        (0.1, 0.9, False, (0.0, 1.0)),
        (0.0, 251.3, False, (0.0, 255.0)),
        (0.0, 9000.0, False, (0.0, 9000.0)),
        (7, 7, True, (7.0, 8.0)),
    ],
)
def test_other_values_are_spread_from_the_lowest_to_the_highest(low, high, whole, expected) -> None:
    assert range_of(low, high, whole=whole) == expected


@given(
    low=st.floats(-1e6, 1e6),
    span=st.floats(1e-3, 1e6),
    whole=st.booleans(),
)
def test_no_range_turns_values_into_less_than_half_of_all_shades(low, span, whole) -> None:
    low, high = (round(low), round(low) + max(1, round(span))) if whole else (low, low + span)
    black, white = range_of(low, high, whole=whole)
    assert black <= low
    assert high <= white
    assert 2 * (high - low) >= white - black


def test_every_channel_has_its_own_range_and_dim_ones_are_noticed() -> None:
    rng = np.random.default_rng(0)
    bright, narrow = rng.integers(0, 4000, (3, 40, 40)), rng.integers(500, 620, (3, 40, 40))
    dim = rng.integers(0, 10, (3, 40, 40))
    dim[0, 0, 0] = 60000
    measured = measure_ranges(np.stack([bright, narrow], axis=3).astype(np.uint16))
    assert measured is not None
    assert measured.kinds == ("uint16",)
    assert measured.ranges[0] == (0.0, 4095.0)
    assert measured.ranges[1] == (500.0, 619.0)
    assert not measured.is_dim
    assert measure_ranges(np.stack([bright, dim], axis=3).astype(np.uint16)).is_dim
    assert measure_ranges([]) is None


def arrays(images: np.ndarray, **more: np.ndarray) -> ArrayData:
    return ArrayData({"x_train": images, "y_train": np.arange(len(images)) % 2, **more})


def test_the_training_images_decide_the_range_and_what_lies_outside_is_cut_off() -> None:
    rng = np.random.default_rng(1)
    train = rng.integers(0, 1000, (20, 8, 8)).astype(np.uint16)
    train[0, 0, :2] = 0, 999
    test = np.full((2, 8, 8), 5000, np.uint16)
    dataset = load_dataset(arrays(train, x_test=test, y_test=np.arange(2)), DataSettings())
    assert dataset.ranges == ((0.0, 1023.0),)
    assert dataset.notes == (
        "Pixels are uint16: 0 to 1023 becomes 0 to 255, the range of the training images.",
        "2 test images have values outside of the range that is scaled; they become 0 or 255.",
    )
    np.testing.assert_array_equal(dataset.train.images[..., 0], np.rint(train * (255 / 1023)))
    assert (dataset.test.images == 255).all()
    again = decode_image(train[3][..., None], dataset.reading)
    np.testing.assert_array_equal(again, dataset.train.images[3])


def test_a_range_that_is_asked_for_is_taken_and_bytes_are_left_alone() -> None:
    images = np.arange(20 * 64).reshape(20, 8, 8)
    asked = load_dataset(arrays(images.astype(np.int32)), DataSettings(value_range=(100.0, 355.0)))
    np.testing.assert_array_equal(asked.train.images[..., 0], (images - 100).clip(0, 255))
    assert "as data.value_range asks" in asked.notes[0]
    plain = load_dataset(arrays((images % 17).astype(np.uint8)), DataSettings(value_range=(100.0, 355.0)))
    np.testing.assert_array_equal(plain.train.images[..., 0], images % 17)
    assert plain.notes == ()
    assert plain.ranges is None


def test_values_that_fall_on_few_shades_are_pointed_out_with_a_range_that_spreads_them() -> None:
    images = np.random.default_rng(2).integers(20, 30, (20, 16, 16)).astype(np.uint16)
    images[4, 3, 2] = 50000
    notes = load_dataset(arrays(images), DataSettings()).notes
    assert notes[-1] == (
        "99.8 % of the values lie within few of the 256 shades; data.value_range=[20,29] would spread them and cut off "
        "the rest."
    )


def test_two_values_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="the first must be less"):
        DataSettings(value_range=(5.0, 5.0))


def test_without_a_range_values_of_each_kind_have_their_full_scale() -> None:
    half = {"uint16": 32768, "float32": 0.5, "bool": 1, "int8": 64}
    for kind, value in half.items():
        found = decode_image(np.full((2, 2, 1), value, kind), Reading(2, 2, 1))
        assert (found == (255 if kind == "bool" else found[0, 0, 0])).all()
        assert kind == "bool" or 127 <= found[0, 0, 0] <= 129


@pytest.mark.parametrize(
    ("images", "reading", "said"),
    [
        (np.full((2, 8, 8), 7, np.uint8), Reading(8, 8, 1), []),
        (np.full((2, 8, 8), 7, np.uint8), Reading(8, 8, 1, ranges=((0.0, 99.0),)), ["not of 8 bits, and these are"]),
        (np.full((2, 8, 8), 7, np.uint16), Reading(8, 8, 1, ranges=((0.0, 99.0),)), []),
        (
            np.full((2, 8, 8), 7, np.uint16),
            Reading(8, 8, 1, ranges=((0.0, 6.0),)),
            ["2 test images have values outside"],
        ),
        (np.full((2, 8, 8), 7, np.uint16), Reading(8, 8, 1), ["0 to 65535 (uint16) becomes 0 to 255"]),
        (np.full((2, 8, 16), 7, np.uint8), Reading(8, 8, 1), ["16x8 pixels are cut", "loses 50%"]),
        (np.full((2, 8, 16), 7, np.uint8), Reading(8, 8, 1, "pad"), []),
    ],
)
def test_new_images_unlike_those_of_the_training_are_pointed_out(images, reading, said) -> None:
    told: list[str] = []
    load_images(ArrayData({"images": images}), DataSettings(), reading, note=told.append)
    assert len(told) == (1 if said else 0)
    assert all(part in told[0] for part in said)


def test_no_range_is_advised_where_nearly_all_values_are_one() -> None:
    measured = measure_ranges([np.full((8, 8, 1), 700, np.uint16)])
    assert measured is not None
    _, (_, note) = choose_ranges(measured, None, 1)
    assert note == "99.8 % of the values lie within few of the 256 shades."
