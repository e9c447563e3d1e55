"""Checks of a method on an accelerator: it runs on the device alone, waits rarely, and can be recorded."""

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
"""Steps of an epoch. In each epoch the first step runs as usual, the second is recorded, and later steps repeat it."""


class Watching(StopAfter):
    """Stops a search after a number of epochs; keeps the notes to the user, and where steps make the host wait.

    Args:
        epochs: number of epochs before the search stops.
        mode: the stand-in's mode; None if the search is not on the stand-in.

    Attributes:
        notes: the notes to the user.
        waits: place in dartboard -> how often the host waited there during a step.
    """

    def __init__(self, epochs: int, mode: StandInMode | None = None) -> None:
        super().__init__(epochs)
        self._mode, self._taken = mode, 0
        self.notes: list[str] = []
        self.waits: Counter[str] = Counter()

    def note(self, sentence: str) -> None:
        """Keep a note to the user."""
        self.notes.append(sentence)

    def step(self) -> None:
        """Count the waits of this step; the first step of an epoch is left out, as other waits come right before it."""
        super().step()
        if self._mode is not None:
            self.waits += self._mode.waits if self._taken % STEPS else Counter()
            self._mode.waits.clear()
        self._taken += 1


def search_begun(folder: Path, case: MethodCase, device: torch.device, watching: Watching, **layer: object) -> Outcome:
    """The results of the first epochs of a search with a few steps per epoch, on a device.

    Args:
        folder: folder of the run; if it holds an unfinished run, that run is resumed.
        case: the method.
        device: the device of the search.
        watching: stops the search.
        layer: settings that differ from those of the case.
    """
    layers: dict[str, Any] = {**case.settings, "search.batch_size": 3, "search.steps_per_epoch": STEPS, **layer}
    with RunDirectory(folder) as run, pytest.raises(Stopped):
        search_genotype(replace(open_small(run, layers, observer=watching), device=device))
    return outcome(folder)


@cache
def _on_stand_in(case: MethodCase) -> tuple[Outcome, list[str]]:
    """The results of two epochs on the stand-in, and the places where their steps waited; run once per process."""
    with tempfile.TemporaryDirectory() as folder, stand_in() as mode:
        watching = Watching(2, mode)
        found = search_begun(Path(folder), case, STAND_IN, watching)
        assert mode.replays == 0
    return found, list(watching.waits)


class AcceleratorContract(Contract):
    """On an accelerator a method gives the same results as on the CPU, does not wait, and can be recorded.

    The accelerator is a stand-in (`stand_in`), so that the checks run on every machine.

    Attributes:
        methods: the methods to test.
    """

    methods: ClassVar[Sequence[MethodCase]] = ()

    def kept_by(self) -> Iterable[MethodCase]:
        """The cases of the methods."""
        return self.methods

    @for_each("case", lambda own: [case for case in own.methods if case.trains])
    def test_a_step_runs_on_the_accelerator_alone_and_gives_what_it_gives_on_the_cpu(
        self, case: MethodCase, tmp_path: Path
    ) -> None:
        """Tensors of host and device never mix, and no step waits except in the files that the case names."""
        (on_cpu,) = search_begun(tmp_path, case, torch.device("cpu"), Watching(1))["events"]
        found, waits = _on_stand_in(case)
        event = found["events"][0]
        assert [place for place in waits if not any(known in place for known in case.waits)] == []
        # Sums run in another order. Adam's step is about as large as the learning rate even for a tiny gradient, so a
        # rounding error can move alpha by that much.
        for kind, gates in on_cpu["gates"].items():
            torch.testing.assert_close(torch.tensor(event["gates"][kind]), torch.tensor(gates), rtol=0, atol=1e-2)
        assert event["weight_loss"] == pytest.approx(on_cpu["weight_loss"], abs=1e-2)

    @for_each("case", lambda own: [case for case in own.methods if case.trains])
    def test_a_recording_gives_what_the_steps_give_one_by_one(self, case: MethodCase, tmp_path: Path) -> None:
        """The results agree bit for bit. If steps cannot be recorded, they run one by one and the search notes it."""
        expected, _ = _on_stand_in(case)
        with stand_in() as mode:
            watching = Watching(2)
            recorded = search_begun(tmp_path, case, STAND_IN, watching, **{"search.cuda_graph": True})
        assert recorded == expected
        told = sum("one by one" in note for note in watching.notes)
        if case.draws or case.waits:
            assert (mode.replays, told) == (0, 1)
        else:
            assert (mode.replays, told) == (2 * (STEPS - 1), 0)
