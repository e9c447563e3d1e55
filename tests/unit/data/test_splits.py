import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.data import Dataset, DataSettings, ImageSet, Splits, make_splits
from dartboard.data.splits import apportion
from dartboard.errors import DataError

PARTS = ("weights", "alphas", "train", "validation", "test")


def image_set(counts: list[int], seed: int = 0) -> ImageSet:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    return ImageSet(np.zeros((len(labels), 1, 1, 1), dtype=np.uint8), labels.astype(np.int64))


def dataset(counts: list[int], *, validation: list[int] | None = None, test: list[int] | None = None) -> Dataset:
    classes = tuple(f"class {number}" for number in range(len(counts)))
    return Dataset(
        "invented",
        classes,
        image_set(counts),
        image_set(validation) if validation else None,
        image_set(test) if test else None,
    )


counts_with_spare = st.lists(st.integers(2, 40), min_size=2, max_size=8).filter(lambda counts: max(counts) > 2)
fractions = st.builds(
    lambda validation, test: DataSettings(validation_fraction=validation, test_fraction=test),
    st.floats(0, 0.5),
    st.floats(0.01, 0.5),
)


@given(counts_with_spare, fractions, st.integers(0, 2**32))
def test_parts_are_disjoint_and_complete(counts, data_settings, seed) -> None:
    made = make_splits(dataset(counts), data_settings, seed)
    dealt = np.concatenate([made.weights, made.alphas, made.validation, made.test])
    np.testing.assert_array_equal(np.sort(dealt), np.arange(sum(counts)))
    np.testing.assert_array_equal(made.train, np.sort(np.concatenate([made.weights, made.alphas])))
    assert all(getattr(made, part).dtype == np.int64 for part in PARTS)
    assert len(made.test) > 0


@given(counts_with_spare, fractions, st.integers(0, 2**32))
def test_every_class_is_in_both_halves_and_halved_within_one_image(counts, data_settings, seed) -> None:
    data = dataset(counts)
    made = make_splits(data, data_settings, seed)
    weights, alphas = (np.bincount(made.view(data, part).labels, minlength=len(counts)) for part in PARTS[:2])
    assert min(weights.min(), alphas.min()) >= 1
    assert np.abs(weights - alphas).max() <= 1
    assert 0 <= len(made.weights) - len(made.alphas) <= 1


@given(
    st.lists(st.integers(10, 60), min_size=2, max_size=8), st.floats(0.05, 0.3), st.floats(0.05, 0.3), st.integers(0, 9)
)
def test_validation_and_test_keep_class_ratios_within_one_image(counts, validation, test, seed) -> None:
    data = dataset(counts)
    made = make_splits(data, DataSettings(validation_fraction=validation, test_fraction=test), seed)
    for part, fraction in (("validation", validation), ("test", test)):
        labels = made.view(data, part).labels
        assert len(labels) == max(round(fraction * sum(counts)), 1)
        quota = np.array(counts) * len(labels) / sum(counts)
        assert (np.abs(np.bincount(labels, minlength=len(counts)) - quota) < 1).all()


def test_splits_depend_on_the_seed_alone() -> None:
    data = dataset([30, 20])
    first, again, other = (make_splits(data, DataSettings(), seed).to_json() for seed in (3, 3, 4))
    assert first == again
    assert all(first[part] != other[part] for part in PARTS)


def test_the_test_part_does_not_depend_on_the_validation_fraction() -> None:
    data = dataset([30, 20])
    parts = [make_splits(data, DataSettings(validation_fraction=share), 0).test for share in (0.0, 0.1, 0.5)]
    assert all(np.array_equal(part, parts[0]) for part in parts)


def test_parts_are_shuffled_within_classes() -> None:
    labels = np.repeat([0, 1], 500).astype(np.int64)
    data = Dataset("sorted", ("a", "b"), ImageSet(np.zeros((1000, 1, 1, 1), np.uint8), labels), None, None)
    made = make_splits(data, DataSettings(), 0)
    # Indices drawn uniformly from 0..999 have a mean of 499.5; six standard errors of 100 images within classes are 87.
    assert abs(made.validation.mean() - 499.5) < 87
    assert abs(made.weights.mean() - 499.5) < 87


def test_given_validation_and_test_sets_are_used_whole() -> None:
    data = dataset([6, 6], validation=[2, 3], test=[4, 1])
    made = make_splits(data, DataSettings(), 0)
    assert (made.validation_source, made.test_source) == ("validation", "test")
    assert made.validation.tolist() == made.test.tolist() == [0, 1, 2, 3, 4]
    assert len(made.train) == 12
    np.testing.assert_array_equal(made.view(data, "test").labels, data.test.labels)


def test_a_validation_fraction_of_zero_gives_no_validation() -> None:
    made = make_splits(dataset([10, 10]), DataSettings(validation_fraction=0), 0)
    assert len(made.validation) == 0
    assert len(made.test) == 4


def test_a_test_fraction_of_zero_gives_no_test_and_all_images_to_the_rest() -> None:
    made = make_splits(dataset([10, 2]), DataSettings(test_fraction=0), 0)
    assert (len(made.test), len(made.validation), len(made.train)) == (0, 1, 11)
    assert len(make_splits(dataset([2, 2]), DataSettings(test_fraction=0), 0).train) == 4


def test_a_given_test_set_is_kept_whatever_the_test_fraction() -> None:
    assert len(make_splits(dataset([6, 6], test=[4, 1]), DataSettings(test_fraction=0), 0).test) == 5


def test_rare_classes_keep_two_images_in_the_pool() -> None:
    data = dataset([2, 3, 40])
    made = make_splits(data, DataSettings(validation_fraction=0.5, test_fraction=0.5), 0)
    assert np.bincount(made.view(data, "train").labels).tolist() == [2, 2, 2]


def test_splits_survive_json() -> None:
    made = make_splits(dataset([10, 10], test=[3, 3]), DataSettings(), 0)
    back = Splits.from_json(json.loads(json.dumps(made.to_json())))
    assert back.to_json() == made.to_json()
    assert back.weights.dtype == np.int64


@pytest.mark.parametrize(
    "change", [{"weights": None}, {"alphas": ["x"]}, {"test_source": "elsewhere"}, {"validation_source": ["train"]}]
)
def test_stored_splits_of_another_form_are_refused(change) -> None:
    document = make_splits(dataset([10, 10]), DataSettings(), 0).to_json()
    with pytest.raises(DataError, match="stored splits"):
        Splits.from_json({**document, **change})
    with pytest.raises(DataError, match="stored splits"):
        Splits.from_json({key: value for key, value in document.items() if key not in change})


def test_a_view_of_another_dataset_is_refused() -> None:
    made = make_splits(dataset([10, 10], test=[3, 3]), DataSettings(), 0)
    with pytest.raises(DataError, match="whose test set has 0 images"):
        made.view(dataset([10, 10]), "test")
    with pytest.raises(DataError, match="whose train set has 8 images"):
        made.view(dataset([4, 4]), "weights")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([5, 1], "fewer than 2 training images: class 1;"),
        ([5, 0], "fewer than 2 training images: class 1;"),
        ([2, 2], "no class can spare"),
    ],
)
def test_what_cannot_be_split_is_refused(counts, message) -> None:
    data = dataset([max(count, 1) for count in counts])
    if 0 in counts:
        data = Dataset("invented", ("class 0", "class 1"), image_set([5]), None, None)
    with pytest.raises(DataError, match=message):
        make_splits(data, DataSettings(), 0)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.floats(0, 1))
def test_apportioned_shares_add_up_and_are_rounded_quotas(counts, share) -> None:
    total = round(share * sum(counts))
    shares = apportion(np.array(counts), total)
    assert shares.sum() == total
    quotas = np.array(counts) * total / max(sum(counts), 1)
    assert (np.abs(shares - quotas) < 1 + 1e-9).all()
    assert (shares <= counts).all()
