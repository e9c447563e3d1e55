import ctypes
import gc
import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dartboard.devices import available_memory, equal_steps, memory


@pytest.fixture(autouse=True)
def _real_collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Which other tests do without; what they hold is left alone again in the end."""
    monkeypatch.setattr(memory, "gc", gc)
    yield
    gc.freeze()


class Ring:
    """An object that only the garbage collector can free."""

    def __init__(self) -> None:
        self.myself = self


def test_what_exists_at_the_start_is_left_alone_until_the_end() -> None:
    gc.collect()
    before = gc.get_freeze_count()
    with equal_steps():
        assert gc.get_freeze_count() > before
    assert gc.get_freeze_count() == 0


def test_garbage_made_within_is_collected_within() -> None:
    with equal_steps():
        ring = Ring()
        gone = weakref.ref(ring)
        del ring
        gc.collect()
        assert gone() is None


def test_the_collector_is_as_before_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), equal_steps():
        _ = 1 / 0
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()


@pytest.mark.parametrize(("platform", "library"), [("linux", object()), ("darwin", None)])
def test_other_systems_and_c_libraries_are_left_as_they_are(
    platform: str, library: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_name: None) -> object:
        assert library is not None
        return library

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", load)
    with equal_steps():
        pass


def test_the_memory_that_is_free_is_part_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "sysconf"):
        pytest.skip("the system does not say how much memory it has")
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < available_memory(torch.device("cpu")) <= whole
    monkeypatch.setattr(memory, "Path", lambda _: Path("/absent"))
    assert available_memory(torch.device("cpu")) == whole // 2
    monkeypatch.delattr(os, "sysconf")
    assert available_memory(torch.device("cpu")) == 4 * 2**30
