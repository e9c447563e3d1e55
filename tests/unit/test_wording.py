import pytest

from dartboard.wording import compact, count, duration, listing, percent, thousands


@pytest.mark.parametrize(("number", "text"), [(0, "0 epochs"), (1, "1 epoch"), (2, "2 epochs")])
def test_one_alone_is_counted_in_the_singular(number, text):
    assert count(number, "epoch") == text


def test_a_plural_of_its_own_can_be_given():
    assert [count(number, "class", "classes") for number in (1, 2)] == ["1 class", "2 classes"]


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_listed_with_a_word_before_the_last(names, text):
    assert listing(names) == text


def test_alternatives_are_listed_with_or():
    assert listing(name for name in ("a", "b")) == listing(["a", "b"])
    assert listing(["a", "b"], last="or") == "a or b"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "\u2013"),
        (0, "0.0 s"),
        (2.5, "2.5 s"),
        (59.97, "1 min"),
        (75, "1 min 15 s"),
        (65, "1 min 5 s"),
        (3599.8, "1 h 0 min"),
        (7980, "2 h 13 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations_read_in_their_two_largest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\u2013"), (73, "73"), (9876, "9.88 k"), (3349342, "3.35 M"), (528_000_000, "528 M")]
)
def test_large_counts_read_in_three_digits(value, text):
    assert compact(value) == text


def test_accuracies_read_as_percentages_and_counts_with_narrow_spaces():
    assert percent(0.9312) == "93.12%"
    assert thousands(60000) == "60\u202f000"
