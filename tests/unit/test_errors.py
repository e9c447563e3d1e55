import pytest

from dartboard import errors
from dartboard.errors import DartboardError, suggest
from dartboard.errors import DartboardWarning as Warned

NAMED = [getattr(errors, name) for name in errors.__all__]
CLASSES = [each for each in NAMED if isinstance(each, type) and issubclass(each, Exception) and each is not Warned]


@pytest.mark.parametrize("cls", CLASSES)
def test_one_except_clause_catches_every_error(cls: type[Exception]) -> None:
    with pytest.raises(DartboardError, match="a sentence"):
        raise cls("a sentence")


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.SettingsError, ValueError),
        (errors.UnknownNameError, LookupError),
        (errors.DataError, ValueError),
        (errors.GenotypeError, ValueError),
        (errors.RecipeError, ValueError),
        (errors.RunDirectoryError, OSError),
        (errors.CheckpointError, ValueError),
        (errors.NonFiniteLossError, ArithmeticError),
    ],
)
def test_errors_are_also_the_builtin_that_a_caller_expects(cls: type[Exception], builtin: type[Exception]) -> None:
    assert issubclass(cls, builtin)


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_prints_its_sentence_and_nothing_else(cls: type[Exception]) -> None:
    assert str(cls("there is no such thing.")) == "there is no such thing."


def test_near_names_are_offered_nearest_first() -> None:
    assert suggest("darts-2n", ["random", "darts", "darts-2nd"]) == "did you mean 'darts-2nd' or 'darts'?"


def test_all_names_are_listed_in_order_when_none_is_near() -> None:
    assert suggest("enas", ["random", "darts"]) == "known: darts, random."


def test_no_more_than_three_names_are_offered() -> None:
    assert suggest("epochs", [f"epochs{digit}" for digit in range(9)]).count("'") == 6
