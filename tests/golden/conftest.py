import os
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with the file of that name; DARTBOARD_UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = FILES / name
        if os.environ.get("DARTBOARD_UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; look, then set DARTBOARD_UPDATE_GOLDEN=1"

    return compare
