"""Tests of one method run in one process, which keeps what it has searched once."""

import pytest

from dartboard.testing import MethodCase


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of test_methods.py by method, where tests are spread over several processes."""
    for item in items:
        if item.path.name == "test_methods.py" and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            case = item.callspec.params.get("case")
            item.add_marker(pytest.mark.xdist_group(case.name if isinstance(case, MethodCase) else "methods"))
