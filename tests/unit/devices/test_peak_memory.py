"""The peak of a phase is what it held at most, and not what it holds in the end."""

import pytest
import torch

from dartboard.devices import PeakMemory


def test_what_was_held_and_freed_again_counts() -> None:
    peak = PeakMemory(torch.device("cpu"))
    before = peak.taken()
    if before is None:
        pytest.skip("this system does not tell how much memory a process holds")
    held = torch.ones(64 * 2**20, dtype=torch.uint8)
    assert int(held[-1]) == 1
    del held
    taken = peak.taken()
    assert taken is not None
    assert taken - before > 48 * 2**20
