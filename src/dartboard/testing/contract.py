"""The base class of contracts: a class of checks; each check runs for every row that a subclass gives."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from dartboard.testing.small import small_space_registered

__all__ = ["Contract", "for_each"]

Check = TypeVar("Check", bound=Callable[..., None])
Rows = Callable[[Any], Iterable[Any]]


def for_each(names: str, rows: Rows) -> Callable[[Check], Check]:
    """Run the decorated check once for every row that its contract gives.

    Args:
        names: the check's arguments that a row fills, separated by commas.
        rows: a function, contract -> rows. A row is a value, or a tuple of values if there are several names.
    """

    def mark(check: Check) -> Check:
        check.for_each = (names, rows)  # type: ignore[attr-defined]
        return check

    return mark


class Contract:
    """Base class of contracts. During their checks the space `small` is registered."""

    @pytest.fixture(autouse=True)
    def small_space(self) -> Iterator[None]:
        """Registers the space `small`, for whole searches in a fraction of a second."""
        with small_space_registered():
            yield

    def kept_by(self) -> Iterable[object]:
        """The methods, operations or spaces that the subclass names to be tested."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Fill the arguments of a check; pytest calls this.

        Raises:
            UsageError: the subclass names nothing to test.
        """
        asked = getattr(metafunc.function, "for_each", None)
        if asked is None:
            return
        if not list(self.kept_by()):
            raise pytest.UsageError(
                f"{type(self).__name__} names nothing to test; set the class attributes that "
                f"{type(self).__mro__[1].__name__} describes."
            )
        names, rows = asked
        values = list(rows(self))
        metafunc.parametrize(names, values, ids=[_identity(value) for value in values])


def _identity(row: object) -> str:
    """The name of a row, as pytest shows it."""
    parts = row if isinstance(row, tuple) else (row,)
    return "-".join(str(getattr(part, "name", part)) for part in parts)
