"""Methods on an accelerator keep the contract that `dartboard.testing` ships, and what is beyond one method."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dartboard.devices import GRAPHS
from dartboard.testing import STAND_IN, AcceleratorContract, Watching, search_begun, stand_in

from .cases import CASES

BY_DEFAULT = {
    "cdarts",
    "darts",
    "darts-2nd",
    "drnas",
    "enas",
    "gaea",
    "gdas",
    "hyperdarts-1",
    "p-darts",
    "pc-darts",
    "proxyless",
    "single-darts",
    "snas",
}
"""One of every kind of step; others are alike, or take long."""

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("small_space")


class TestOneMethodOfEveryKindOfStep(AcceleratorContract):
    methods = tuple(case for name, case in CASES.items() if name in BY_DEFAULT)


@pytest.mark.slow
class TestOtherMethods(AcceleratorContract):
    methods = tuple(case for name, case in CASES.items() if name not in BY_DEFAULT)


def test_what_an_accelerator_saved_goes_on_on_the_cpu(tmp_path: Path) -> None:
    darts = CASES["darts"]
    with stand_in():
        expected = search_begun(tmp_path / "there", darts, STAND_IN, Watching(2))["events"]
        search_begun(tmp_path / "moved", darts, STAND_IN, Watching(1))
    first, second = search_begun(tmp_path / "moved", darts, CPU, Watching(1))["events"]
    assert first == expected[0]
    assert second["weight_loss"] == pytest.approx(expected[1]["weight_loss"], abs=1e-4)


def test_steps_that_the_device_cannot_record_are_run_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """A graph of the CPU that records nothing."""

        def warm_up(self, run: Callable[[], None]) -> None:
            run()

        def capture(self, _run: Callable[[], None]) -> None:
            raise RuntimeError("not this one.\nA line that nobody should read.")

    case, watching = CASES["darts-2nd"], Watching(2)
    expected = search_begun(tmp_path / "plain", case, CPU, Watching(2))
    monkeypatch.setitem(GRAPHS, "cpu", lambda _: Refusing())
    assert search_begun(tmp_path / "refused", case, CPU, watching, **{"search.cuda_graph": True}) == expected
    (note,) = watching.notes
    assert note.endswith("the device could not record them: not this one.")
