"""A method is at home on an accelerator: on the device alone, with few waits, and the same from a recording."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from dartboard.runs import RunDirectory
from dartboard.session import search_genotype
from dartboard.testing.cases import MethodCase
from dartboard.testing.contract import Contract, for_each
from dartboard.testing.small import Outcome, StopAfter, Stopped, open_small, outcome
from dartboard.testing.standin import STAND_IN, StandInMode, stand_in

__all__ = ["AcceleratorContract", "Watching", "search_begun"]

STEPS = 3
"""Of an epoch: the first one is taken as it is, the second recorded, and from then on they are repeated."""


class Watching(StopAfter):
    """Stops a search after so many epochs; keeps what it is told, and where steps make the host wait.

    Args:
        epochs: after which the search stops.
        mode: of the accelerator, if the search is on one.
    """

    def __init__(self, epochs: int, mode: StandInMode | None = None) -> None:
        super().__init__(epochs)
        self._mode, self._taken = mode, 0
        self.notes: list[str] = []
        self.waits: Counter[str] = Counter()

    def note(self, sentence: str) -> None:
        """Keep what the search says."""
        self.notes.append(sentence)

    def step(self) -> None:
        """Count the waits of this step; those before the first step of an epoch are no part of one."""
        super().step()
        if self._mode is not None:
            self.waits += self._mode.waits if self._taken % STEPS else Counter()
            self._mode.waits.clear()
        self._taken += 1


def search_begun(folder: Path, case: MethodCase, device: torch.device, watching: Watching, **layer: object) -> Outcome:
    """What the first epochs of a search of a few steps leave on a device.

    Args:
        folder: of the run; one that holds part of a run is gone on with.
        case: the method.
        device: where the search is.
        watching: stops it.
        layer: settings that differ.
    """
    layers: dict[str, Any] = {**case.settings, "search.batch_size": 3, "search.steps_per_epoch": STEPS, **layer}
    with RunDirectory(folder) as run, pytest.raises(Stopped):
        search_genotype(replace(open_small(run, layers, observer=watching), device=device))
    return outcome(folder)


@cache
def _on_stand_in(case: MethodCase) -> tuple[Outcome, list[str]]:
    """What two epochs leave on the accelerator, and the places where their steps waited; searched once in a process."""
    with tempfile.TemporaryDirectory() as folder, stand_in() as mode:
        watching = Watching(2, mode)
        found = search_begun(Path(folder), case, STAND_IN, watching)
        assert mode.replays == 0
    return found, list(watching.waits)


class AcceleratorContract(Contract):
    """On an accelerator a method does what it does on the CPU, without waiting, and from a recording.

    The accelerator is one that stands in (`stand_in`), so that the checks run anywhere.

    Attributes:
        methods: that keep it.
    """

    methods: ClassVar[Sequence[MethodCase]] = ()

    def kept_by(self) -> Iterable[MethodCase]:
        """The cases of the methods."""
        return self.methods

    @for_each("case", lambda own: [case for case in own.methods if case.trains])
    def test_a_step_runs_on_the_accelerator_alone_and_gives_what_it_gives_on_the_cpu(
        self, case: MethodCase, tmp_path: Path
    ) -> None:
        """Tensors of both never mix, and no step waits but where the case says so."""
        (on_cpu,) = search_begun(tmp_path, case, torch.device("cpu"), Watching(1))["events"]
        found, waits = _on_stand_in(case)
        event = found["events"][0]
        assert [place for place in waits if not any(known in place for known in case.waits)] == []
        # Sums are in another order, and a step of alpha is of the size of its learning rate whatever its gradient.
        for kind, gates in on_cpu["gates"].items():
            torch.testing.assert_close(torch.tensor(event["gates"][kind]), torch.tensor(gates), rtol=0, atol=1e-2)
        assert event["weight_loss"] == pytest.approx(on_cpu["weight_loss"], abs=1e-2)

    @for_each("case", lambda own: [case for case in own.methods if case.trains])
    def test_a_recording_gives_what_the_steps_give_one_by_one(self, case: MethodCase, tmp_path: Path) -> None:
        """Bit for bit; steps that cannot be recorded are taken one by one, which the search says."""
        expected, _ = _on_stand_in(case)
        with stand_in() as mode:
            watching = Watching(2)
            recorded = search_begun(tmp_path, case, STAND_IN, watching, **{"search.cuda_graph": True})
        assert recorded == expected
        if case.draws or case.waits:
            assert mode.replays == 0
            (note,) = watching.notes
            assert "one by one" in note
        else:
            assert mode.replays == 2 * (STEPS - 1)
            assert watching.notes == []
