"""Every registered method on an accelerator: on the device alone, with few waits, and the same from a recording."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

import dartboard.methods  # noqa: F401 - importing registers the methods
import standin
from contracts.small import fingerprint, open_small
from dartboard.devices import GRAPHS
from dartboard.engine.stage import StageSearch
from dartboard.parts.recipe import METHODS, initial_live
from dartboard.runs import Observer, RunDirectory, SearchEpoch, make_generator
from dartboard.session.search import search_length, search_problem, search_recipe

STEPS = 4
"""Of an epoch."""

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

EVERY_METHOD = [
    pytest.param(entry.name, marks=() if entry.name in BY_DEFAULT else pytest.mark.slow) for entry in METHODS
]

OPTIONS: dict[str, dict[str, Any]] = {
    "drnas-progressive": {"method.options.channel_shares": [4, 2]},
    "enas": {"method.options.candidates": 3, "method.options.aggregate": 2},
}

WAITS = {
    # Which operations are launched depends on the draw, and the draw on alpha.
    "enas": ("controller.py",),
    "gdas": ("gumbel.py",),
    "proxyless": ("binary.py",),
    # Gamma numbers are drawn on the CPU, from alpha, and so is their gradient found.
    "drnas": ("dirichlet.py", "problem.py", "elsewhere"),
    "drnas-progressive": ("dirichlet.py", "problem.py", "elsewhere"),
    # Whether another iteration is needed.
    "darts-cg": ("implicit.py",),
}
"""Method -> where a step waits for the device."""


DRAW = {"p-darts", "rsps", "sdarts-adv", "sdarts-pt", "sdarts-rs", "setn", "snas"}
"""Further methods whose steps differ in what they draw, so that they are not recorded."""


pytestmark = pytest.mark.usefixtures("small_space")


def begin(folder: Path, name: str, device: torch.device, **layer: object) -> StageSearch:
    """The first stage of a search."""
    with RunDirectory(folder) as run:
        options = {"method.name": name, "search.batch_size": 3, **OPTIONS.get(name, {}), **layer}
        session = dataclasses.replace(open_small(run, options), device=device)
    recipe = search_recipe(session.settings).stages[0].recipe
    problem, length = search_problem(session), search_length(session)
    search = StageSearch(
        problem, recipe, session.settings.search, 0, (0, 2), length, 0, initial_live(recipe, problem.space)
    )
    search.num_steps = STEPS
    return search


class Listening(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(search: StageSearch, epochs: int = 2, observer: Observer | None = None) -> list[SearchEpoch]:
    """The events of so many epochs, wall-clock times excepted."""
    events = []
    for _ in range(epochs):
        search.state.plan_epoch(search.recipe.rules)
        events.append(search.run_epoch(observer or Observer()).model_copy(update={"seconds": 0.0}))
    return events


def on_host(tree: Any) -> Any:
    return tree_map_only(Tensor, lambda tensor: tensor.detach().cpu().clone(), tree)


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_a_step_runs_on_the_accelerator_alone_and_gives_what_it_gives_on_the_cpu(name: str, tmp_path: Path) -> None:
    (on_cpu,) = run(begin(tmp_path / "cpu", name, torch.device("cpu")), epochs=1)
    with standin.stand_in() as device:
        search = begin(tmp_path / "accelerator", name, standin.DEVICE)
        (event,) = run(search, epochs=1)
        steps, batches = search.make_steps(), search.batches.weights.forever(make_generator(0))
        steps(next(batches))
        device.forget()
        steps(next(batches))
    assert [place for place in device.waits if not any(known in place for known in WAITS.get(name, ()))] == []
    for kind, gates in on_cpu["gates"].items():
        torch.testing.assert_close(torch.tensor(event.gates[kind]), torch.tensor(gates), rtol=0, atol=1e-2)
    assert event.weight_loss == pytest.approx(on_cpu.weight_loss, abs=1e-2)


@pytest.mark.parametrize("name", EVERY_METHOD)
def test_a_recording_gives_what_the_steps_give_one_by_one(name: str, tmp_path: Path) -> None:
    with standin.stand_in() as device:
        plain = begin(tmp_path / "plain", name, standin.DEVICE)
        expected = run(plain)
        assert device.replays == 0
        recorded = begin(tmp_path / "recorded", name, standin.DEVICE, **{"search.cuda_graph": True})
        observer = Listening()
        assert run(recorded, observer=observer) == expected
        found, wanted = (fingerprint(on_host(search.state.state_dict())) for search in (recorded, plain))
    assert found == wanted
    if name in DRAW or name in WAITS:
        assert device.replays == 0
        (note,) = observer.notes
        assert "one by one" in note
    else:
        assert device.replays == 2 * (STEPS - 1)
        assert observer.notes == []


def test_what_an_accelerator_saved_goes_on_on_the_cpu(tmp_path: Path) -> None:
    with standin.stand_in():
        there = begin(tmp_path / "there", "darts", standin.DEVICE)
        run(there, epochs=1)
        saved = on_host(there.state.state_dict())
        expected = run(there, epochs=1)
    here = begin(tmp_path / "here", "darts", torch.device("cpu"))
    here.state.load_state_dict(saved)
    (event,) = run(here, epochs=1)
    assert event.weight_loss == pytest.approx(expected[0].weight_loss, abs=1e-4)


def test_steps_that_the_device_cannot_record_are_run_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """A graph of the CPU that records nothing."""

        def warm_up(self, run: Callable[[], None]) -> None:
            run()

        def capture(self, _run: Callable[[], None]) -> None:
            raise RuntimeError("not this one.\nA line that nobody should read.")

    cpu, observer = torch.device("cpu"), Listening()
    expected = run(begin(tmp_path / "plain", "darts-2nd", cpu))
    monkeypatch.setitem(GRAPHS, "cpu", lambda _: Refusing())
    assert (
        run(begin(tmp_path / "refused", "darts-2nd", cpu, **{"search.cuda_graph": True}), observer=observer) == expected
    )
    (note,) = observer.notes
    assert note.endswith("the device could not record them: not this one.")
