"""Users without a name or a home, as containers start them."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dartboard.places import expanded, settle_in, user_cache


def nobody(*_: object) -> str:
    raise OSError("No username set in the environment")


def homeless(*_: object) -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, str]]]:
    """Empties the environment; gives what has been set since."""
    before = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR", "PYTEST_CURRENT_TEST")}
    with monkeypatch.context() as patched:
        patched.setattr(os, "environ", dict(before))
        yield lambda: {name: value for name, value in os.environ.items() if name not in before}


def test_the_cache_of_a_user_is_where_the_system_says_or_in_the_home_or_among_temporary_files(
    variables: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert user_cache() == Path("/home/ada/.cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert user_cache() == Path("/elsewhere")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert user_cache() == Path(tempfile.gettempdir()) / f"dartboard-{os.getuid()}"


def test_a_home_that_does_not_exist_is_left_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert expanded("~/pictures") == Path("/home/ada/pictures")
    assert expanded("~no-such-user/pictures") == Path("~no-such-user/pictures")


def test_libraries_get_a_name_and_folders_where_the_user_has_none(
    variables: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setenv("HF_HOME", "/mine")
    settle_in()
    set_now = variables()
    assert set_now["USER"] == f"user-{os.getuid()}"
    assert set_now["HF_HOME"] == "/mine"
    assert set_now["MPLCONFIGDIR"].endswith(f"dartboard-{os.getuid()}/matplotlib")


@pytest.mark.parametrize("home", ["/", "/nonexistent"])
def test_a_home_that_cannot_be_written_is_none(
    variables: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(os, "access", lambda *_: False)
    settle_in()
    assert "MPLCONFIGDIR" in variables()


def test_where_everything_is_there_nothing_is_set(
    variables: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "ada")
    settle_in()
    assert variables() == {"HOME": str(tmp_path), "USER": "ada"}
