"""What the check of a dataset finds, and that it finds nothing where there is nothing."""

import numpy as np
import numpy.typing as npt
import pytest

from dartboard.data import Dataset, DataSettings, Finding, ImageSet, Splits, check_dataset, load_dataset, make_splits
from dartboard.data.check import Duplicate
from dartboard.data.sources import LeftOut

Pixels = npt.NDArray[np.uint8]


def noise(images: int, seed: int = 0, channels: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (images, 8, 8, channels), dtype=np.uint8)


def a_set(pixels: Pixels, labels: list[int] | None = None, prefix: str = "") -> ImageSet:
    names = [f"{prefix}{number}" for number in range(len(pixels))]
    found = [number % 2 for number in range(len(pixels))] if labels is None else labels
    return ImageSet(pixels, np.array(found), names)


def a_dataset(train: ImageSet, test: ImageSet | None = None, validation: ImageSet | None = None, **more) -> Dataset:
    return Dataset("x", ("a", "b"), train, validation, test, **more)


def found(dataset: Dataset, splits: Splits | None = None) -> dict[str, Finding]:
    return {finding.kind: finding for finding in check_dataset(dataset, splits).findings}


def test_a_sound_dataset_has_no_findings() -> None:
    dataset = a_dataset(a_set(noise(40)), a_set(noise(20, 1)), a_set(noise(20, 2)))
    assert check_dataset(dataset).findings == ()
    assert check_dataset(dataset).duplicates == ()
    assert found(load_dataset(None, DataSettings())) == {}, "scikit-learn's digits"


def test_duplicates_are_equal_pixels_and_nothing_less() -> None:
    images = noise(40)
    near = images[2:3].copy()
    near[0, 7, 7, 0] ^= 1
    test = a_set(np.concatenate([images[3:4], near, images[:1], noise(17, 1)]), [1, 0, 0, *[0, 1] * 8, 1], "t")
    check = check_dataset(a_dataset(a_set(images), test))
    assert check.duplicates == (Duplicate("3", "t0"), Duplicate("0", "t2"))
    (finding,) = check.findings
    assert (finding.kind, finding.count, finding.examples) == ("duplicates", 2, ("t0 is 3", "t2 is 0"))
    assert finding.sentence.startswith(
        "2 of the 20 test images are training images too, pixel by pixel (t0 is 3, t2 is 0)"
    )


def test_long_names_are_shortened_in_sentences_and_whole_in_examples() -> None:
    images, folder = noise(40), "/".join(["a-long-path-of-a-share"] * 12)
    test = a_set(np.concatenate([images[:1], noise(19, 1)]), prefix=f"{folder}/test-")
    (finding,) = check_dataset(a_dataset(a_set(images, prefix=f"{folder}/"), test)).findings
    assert finding.examples == (f"{folder}/test-0 is {folder}/0",)
    assert "-of-a-share/test-0 is a-long-path-of-a-sh…" in finding.sentence
    assert len(finding.sentence) < 300


def test_duplicates_are_found_where_the_test_set_is_taken_from_the_training_images() -> None:
    images = noise(40)
    dataset = a_dataset(a_set(np.concatenate([images, images]), [0] * 20 + [1] * 20 + [0] * 20 + [1] * 20))
    splits = make_splits(dataset, DataSettings(), 0)
    twice = sum(index % 40 in set(splits.train % 40) for index in splits.test)
    assert twice > 0
    assert len(check_dataset(dataset, splits).duplicates) == twice


def test_one_image_in_two_classes_is_told_with_both_names() -> None:
    images = noise(40)
    images[1] = images[2]
    finding = found(a_dataset(a_set(images)))["two classes"]
    assert (finding.count, finding.examples) == (2, ("1 (b)", "2 (a)"))
    assert "in more than one class" in finding.sentence
    assert "two classes" not in found(a_dataset(a_set(np.concatenate([images[4:], images[4:5]])))), (
        "the same label twice"
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_a_single_colour_are_told_and_nearly_such_ones_are_not(channels: int) -> None:
    images = noise(40, channels=channels)
    images[3], images[5], images[7] = 9, range(channels), 200
    images[7, 4, 2] = 0
    finding = found(a_dataset(a_set(images)))["constant"]
    assert (finding.count, finding.examples) == (2, ("3", "5"))


def test_classes_without_test_images_and_with_few_training_images_are_told() -> None:
    train = a_set(noise(40), [0] * 31 + [1] * 9)
    findings = found(a_dataset(train, a_set(noise(5, 1), [0] * 5)))
    assert findings["missing classes"].sentence == (
        "1 class has no test image (b), so the test accuracy says nothing about it."
    )
    assert findings["few images"].examples == ("b: 9",)


def test_a_test_set_without_labels_lacks_no_class_and_contradicts_nothing() -> None:
    images = noise(40)
    test = ImageSet(images[:3], None, ["x", "y", "z"])
    assert set(found(a_dataset(a_set(images), test))) == {"duplicates"}


def test_classes_that_may_be_spellings_of_one_are_told() -> None:
    labels = [number % 3 for number in range(40)]
    named = Dataset("x", ("Cat", "cat", "dog"), a_set(noise(40), labels), None, None)
    assert found(named)["similar names"].sentence == (
        "Classes may be spellings of one (Cat and cat); give each class a single name."
    )
    letters = Dataset("x", ("A", "a", "10"), a_set(noise(40), labels), None, None)
    assert "similar names" not in found(letters), "small and capital letters are what classes of letters are"


def test_what_was_left_out_is_a_finding() -> None:
    more = LeftOut("of kinds that are no images", ("a.txt", "b.txt"))
    finding = found(a_dataset(a_set(noise(40)), left_out=(more,)))["left out"]
    assert (finding.count, finding.examples) == (2, ("a.txt", "b.txt"))


def test_contents_change_with_a_pixel_and_with_a_label_and_with_nothing_else() -> None:
    def contents(pixels: Pixels, labels: list[int]) -> str:
        return check_dataset(a_dataset(a_set(pixels, labels))).contents["train"]

    labels = [0, 1] * 20
    first = contents(noise(40), labels)
    other = noise(40)
    other[39, 7, 7, 0] ^= 1
    assert contents(noise(40).copy(), labels) == first
    assert len({first, contents(other, labels), contents(noise(40), labels[::-1])}) == 3


def test_images_on_disk_are_checked_as_those_in_memory(tmp_path, write_image_folder, monkeypatch) -> None:
    monkeypatch.setattr("dartboard.data.check._BYTES_PER_READ", 500)
    root = write_image_folder(tmp_path / "x", per_class=12)
    (root / "dogs" / "11.png").write_bytes((root / "cats" / "0.png").read_bytes())
    here, there = (load_dataset(root, DataSettings(cache=False, memory_mib=mib)) for mib in (None, 0))
    assert here.train.file is None
    assert there.train.file is not None
    assert check_dataset(here) == check_dataset(there)
    assert [finding.kind for finding in check_dataset(there).findings] == ["two classes"]
