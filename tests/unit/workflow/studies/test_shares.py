"""How a machine is shared by the workers of a study."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.errors import SettingsError
from dartboard.workflow.studies.shares import TRIAL_BYTES, Machine, share_out, this_machine

_LARGE = 10**15


@given(st.integers(1, 40), st.integers(1, 60))
def test_cores_are_dealt_out_whole_and_none_to_two_where_there_are_enough(cores: int, workers: int) -> None:
    shares = share_out(Machine(tuple(range(cores)), _LARGE), 100, workers=workers)
    assert shares.workers == workers
    assert all(shares.cores)
    dealt = [core for share in shares.cores for core in share]
    assert set(dealt) == set(range(cores)) or workers < cores
    if workers <= cores:
        assert sorted(dealt) == list(range(cores))


@given(st.integers(1, 64), st.integers(1, 20), st.integers(1, 20))
def test_threads_do_not_depend_on_the_number_of_workers(cores: int, trials: int, workers: int) -> None:
    machine = Machine(tuple(range(cores)), _LARGE)
    assert share_out(machine, trials, workers=workers).threads == share_out(machine, trials).threads


def test_cores_memory_and_accelerators_bound_the_workers() -> None:
    assert share_out(Machine(tuple(range(8)), _LARGE), 20).workers == 8
    assert share_out(Machine(tuple(range(8)), 3 * TRIAL_BYTES), 20).workers == 3
    assert share_out(Machine(tuple(range(8)), 3 * TRIAL_BYTES), 20).threads == 2
    assert share_out(Machine(tuple(range(8)), 1), 20).workers == 1
    assert share_out(Machine(tuple(range(8)), _LARGE), 2).threads == 4
    assert share_out(Machine(tuple(range(8)), _LARGE), 20, threads=3).workers == 2
    two = share_out(Machine(tuple(range(8)), 1, ("3", "5")), 20)
    assert (two.accelerators, two.threads) == (("3", "5"), 4)
    assert share_out(Machine((0,), _LARGE, ("3", "5")), 20, workers=3).accelerators == ("3", "5", "3")
    assert "3 workers" in share_out(Machine((0,), _LARGE), 20, workers=3).reason


def test_a_study_keeps_its_threads_and_refuses_others() -> None:
    machine = Machine(tuple(range(8)), _LARGE)
    assert share_out(machine, 20, recorded=4).workers == 2
    with pytest.raises(SettingsError, match="4 threads each, and with 2"):
        share_out(machine, 20, threads=2, recorded=4)
    with pytest.raises(SettingsError, match="at least 1"):
        share_out(machine, 20, workers=-1)


def test_this_machine_has_cores_that_this_process_may_use() -> None:
    found = this_machine(["cpu", "cpu"])
    assert found.accelerators == ()
    assert set(found.cores) <= set(range(os.cpu_count() or 1))
    assert found.memory > 0
