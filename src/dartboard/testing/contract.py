"""What a contract is: a class of checks, each made for every row of what a subclass names."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest

from dartboard.testing.small import small_space_registered

__all__ = ["Contract", "for_each"]

Check = TypeVar("Check", bound=Callable[..., None])
Rows = Callable[[Any], Iterable[Any]]


def for_each(names: str, rows: Rows) -> Callable[[Check], Check]:
    """Make the decorated check for every row that its contract gives.

    Args:
        names: the check's arguments that a row fills, separated by commas.
        rows: the contract -> a value for each row, or a tuple of values where there are several names.
    """

    def mark(check: Check) -> Check:
        check.for_each = (names, rows)  # type: ignore[attr-defined]
        return check

    return mark


class Contract:
    """Checks to inherit from; within them the space `small` is registered."""

    @pytest.fixture(autouse=True)
    def small_space(self) -> Iterator[None]:
        """There is a space `small`, for whole searches in a fraction of a second."""
        with small_space_registered():
            yield

    def kept_by(self) -> Iterable[object]:
        """What the contract is to be kept by, as the subclass names it."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Fill the arguments of a check; pytest calls this.

        Raises:
            UsageError: the subclass names nothing that could keep the contract.
        """
        asked = getattr(metafunc.function, "for_each", None)
        if asked is None:
            return
        if not list(self.kept_by()):
            raise pytest.UsageError(
                f"{type(self).__name__} says of nothing that it keeps the contract; see the class attributes of "
                f"{type(self).__mro__[1].__name__}."
            )
        names, rows = asked
        values = list(rows(self))
        metafunc.parametrize(names, values, ids=[_identity(value) for value in values])


def _identity(row: object) -> str:
    """Names of what is in a row, as pytest shows them."""
    parts = row if isinstance(row, tuple) else (row,)
    return "-".join(str(getattr(part, "name", part)) for part in parts)
