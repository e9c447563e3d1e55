import os
import subprocess
import sys
from pathlib import Path

import pytest

import dartboard
from dartboard import processors

IDLE = "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3\n"


def write_later(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass: the system's counters move while someone sleeps."""
    monkeypatch.setattr(processors.time, "sleep", lambda _: path.write_text(text))


@pytest.mark.parametrize(
    ("later", "share"),
    [
        ("cpu  100 0 100 1000 0 0 0 0 0 0\n", 0.0),
        ("cpu  200 0 100 900 0 0 0 0 0 0\n", 0.5),
        ("cpu  200 0 200 800 0 0 0 0 0 0\n", 1.0),
        ("cpu  100 0 100 900 100 0 0 0 0 0\n", 0.0),  # waiting for a disk is idle too
    ],
)
def test_busy_is_what_is_not_idle(later: str, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_text(IDLE)
    write_later(stat, later, monkeypatch)
    assert processors.busy_cores(stat) == pytest.approx(share * (os.cpu_count() or 1))


@pytest.mark.parametrize("text", [None, "", "cpu some words", "cpu  1 2"])
def test_a_system_that_does_not_say_is_taken_for_idle(text: str | None, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    if text is not None:
        stat.write_text(text)
    assert processors.busy_cores(stat, seconds=0.0) == 0.0


def tell(busy: float, **environment: str) -> tuple[str, str, str]:
    """In a fresh process with so many busy cores: the sentence, the policy and the count that torch will find."""
    code = (
        "from dartboard import processors; import os;"
        f"processors.busy_cores = lambda: {busy}; print(processors.share_processors());"
        "print(os.environ.get('OMP_WAIT_POLICY')); print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    found = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    sentence, policy, spins = found.stdout.splitlines()
    return sentence, policy, spins


def test_threads_sleep_on_a_busy_machine_unless_the_user_has_said_otherwise() -> None:
    sentence, policy, spins = tell(1.2)
    assert sentence.startswith("Other programs keep 1.2 cores busy")
    assert (policy, spins) == ("passive", "None")
    assert tell(1.2, OMP_NUM_THREADS="1") == ("", "None", "None")
    assert tell(1.2, OMP_WAIT_POLICY="active") == ("", "active", "None")


def test_threads_spin_for_a_moment_only_on_an_idle_machine_which_may_become_busy() -> None:
    assert tell(0.1) == ("", "None", "10000")
    assert tell(0.1, GOMP_SPINCOUNT="5") == ("", "None", "5")
    assert tell(0.1, OMP_WAIT_POLICY="active") == ("", "active", "None")


def test_it_is_too_late_once_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "busy_cores", lambda: 2.0)
    monkeypatch.setattr(processors._Here, "late", False)
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert processors.share_processors() == ""


def first_run(code: str) -> list[str]:
    """In a fresh process on a busy machine: what `code` prints; two runs are told what threads do."""
    head = "from dartboard import processors; processors.busy_cores = lambda: 1.5; import os;"
    tail = "from dartboard.processors import what_threads_do; print(what_threads_do()); print(what_threads_do());"
    last = "print(os.environ.get('OMP_WAIT_POLICY'))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    found = subprocess.run(
        [sys.executable, "-c", head + code + tail + last], env=clean, capture_output=True, text=True, check=True
    )
    return found.stdout.splitlines()


def test_python_does_what_the_command_line_does_and_the_first_run_says_so() -> None:
    first, second, policy = first_run("import dartboard; dartboard.run;")
    assert first.startswith("Other programs keep 1.5 cores busy, so threads sleep")
    assert (second, policy) == ("", "passive")


def test_where_torch_came_first_the_first_run_says_what_that_costs() -> None:
    first, second, policy = first_run("import torch, dartboard; dartboard.run;")
    assert "torch was imported before dartboard was used" in first
    assert "OMP_WAIT_POLICY=passive" in first
    assert (second, policy) == ("", "None")


def test_the_verbs_are_names_of_the_package_before_they_are_imported() -> None:
    assert {"run", "load", "evaluate", "progress", "list_methods", "__version__"} <= set(dir(dartboard))
    assert not {"Any", "Loader", "find_spec", "_Names"} & set(dir(dartboard))
