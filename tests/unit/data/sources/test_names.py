import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.data.sources.names import class_name, file_text, order_classes, path_text
from dartboard.data.sources.split_names import SPLIT_WORDS, split_and_rest, split_of


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.randoms())
def test_classes_that_are_numbers_are_ordered_by_size_whatever_order_they_come_in(numbers, random) -> None:
    names = [str(number) for number in numbers]
    random.shuffle(names)
    assert [int(name) for name in order_classes(names)] == sorted(set(numbers))


def test_class_names_are_ordered_as_texts_as_soon_as_one_is_no_number() -> None:
    assert order_classes(["10", "9", "nan"]) == ("10", "9", "nan")
    assert order_classes(["2.5", "10.25", "-1e3"]) == ("-1e3", "2.5", "10.25")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_order_of_numbers_of_the_same_size_does_not_depend_on_the_seed_of_hashes(seed: str) -> None:
    code = "from dartboard.data.sources.labelled_rows import _classes; print(_classes(['01', '1', '001', '2']))"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "('001', '01', '1', '2')"


@given(st.text())
def test_a_class_has_one_name_in_every_unicode_form_and_between_blanks(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert len({class_name(f" {form}\t") for form in forms}) == 1


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_every_file_name_becomes_text_that_can_be_written_and_shown(name: bytes) -> None:
    told = file_text(os.fsdecode(name))
    assert told.encode("utf-8")
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in told)


def test_file_names_are_read_as_utf8_whatever_the_locale_says() -> None:
    assert file_text("caf\udcc3\udca9") == "café"
    assert file_text("caf\udce9") == r"caf\xe9"
    assert path_text("café") == os.fsdecode("café".encode())


@pytest.mark.parametrize(
    ("name", "split", "rest"),
    [
        ("Training", "train", ""), ("TESTING", "test", ""), ("train_set", "train", ""), ("testset", "test", ""),
        ("seg_train", "train", "seg"), ("Train_Images", "train", ""), ("test images", "test", ""),
        ("TestData", "test", ""), ("hold-out", "test", ""), ("Validate", "validation", ""),
        ("val2017", "validation", ""),
        ("asl_alphabet_test", "test", "asl alphabet"), ("2_dev", "validation", ""),
    ],
)  # fmt: skip
def test_names_of_splits_are_known_by_their_words(name: str, split: str, rest: str) -> None:
    assert split_and_rest(name) == (split, rest)
    assert split_of(name) == (None if rest else split)


@pytest.mark.parametrize("name", ["cats", "invalid", "latest", "trainer", "strain", "train-test", "contest", "device"])
def test_other_names_are_no_splits(name: str) -> None:
    assert split_and_rest(name) is None


@given(st.sampled_from(sorted(SPLIT_WORDS)), st.sampled_from(["", "_set", "-images", " data", "Set"]), st.booleans())
def test_a_split_word_is_known_in_any_case_and_beside_any_word_that_says_nothing(word, beside, capital) -> None:
    assert split_of((word.capitalize() if capital else word) + beside) == SPLIT_WORDS[word]
