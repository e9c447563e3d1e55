from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .command import Command, Outcome

Start = Callable[..., Command]
Run = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where commands are typed: an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def pets(tmp_path_factory: pytest.TempPathFactory, write_image_folder: Callable[..., Path]) -> Path:
    """A folder of cats and dogs, 10 gray images of 8x8 pixels each; not to be changed."""
    return write_image_folder(tmp_path_factory.mktemp("data") / "pets", per_class=10, size=(8, 8))


@pytest.fixture
def start(folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a command in `folder`; what is still running at the end of the test is killed."""
    started: list[Command] = []

    def begin(*arguments: object, **options: Any) -> Command:
        options.setdefault("folder", folder)
        options["environment"] = {"DARTBOARD_CACHE": str(tmp_path / "cache"), **options.get("environment", {})}
        command = Command(*arguments, **options)
        started.append(command)
        return command

    yield begin
    for command in started:
        try:
            command.process.kill()
            command.process.join()
        except ValueError:
            continue  # it ended and was closed


@pytest.fixture
def dartboard(start: Start) -> Run:
    """Runs a command in `folder` to its end."""
    return lambda *arguments, **options: start(*arguments, **options).end()
