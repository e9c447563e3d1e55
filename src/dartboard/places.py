"""Folders that belong to a user and not to a run, and what takes their place where the user has no home."""

import getpass
import os
import tempfile
from pathlib import Path

__all__ = ["expanded", "settle_in", "user_cache"]

_FOREIGN = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torchinductor", "HF_HOME": "huggingface"}
"""Environment variable by which a library is told its folder -> name of the folder in that of this user."""


def expanded(path: str | Path) -> Path:
    """The path with the home of a user in place of `~` or `~name`; unchanged where there is no such home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def user_cache() -> Path:
    """Folder for what can be made again: that of XDG_CACHE_HOME, or `.cache` in the home, or one for temporary files.

    Containers and schedulers start programs for users who have neither a name nor a home.
    """
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base)
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return _temporary()


def settle_in() -> None:
    """Give the libraries a folder and a name of the user where the machine has none, since they fail or warn without.

    Only variables that are not set are set, and only where the home cannot be written or the user has no name.
    """
    try:
        getpass.getuser()
    except (OSError, KeyError, ImportError):  # before Python 3.13 a KeyError
        os.environ["USER"] = f"user-{_user()}"
    if not _has_home():
        for variable, name in _FOREIGN.items():
            os.environ.setdefault(variable, str(_temporary() / name))


def _has_home() -> bool:
    try:
        home = Path.home()
    except RuntimeError:
        return False
    return home.is_dir() and os.access(home, os.W_OK)


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"dartboard-{_user()}"


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
