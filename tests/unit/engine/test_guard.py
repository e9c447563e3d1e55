"""What is done about searches that collapse: tiny ones that are pushed to skip connections, and ones that are not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dartboard.engine.collapse import collapse, signs
from dartboard.engine.guard import fits
from dartboard.engine.loop import run_search
from dartboard.errors import NonFiniteLossError
from dartboard.parts import AdamUpdate, Bilevel, FirstOrder, Recipe
from dartboard.parts.recipe import make_recipe
from dartboard.runs import CollapsedSearch, Length, Observer, Rollback, RunDirectory, SearchEpoch, SearchStop
from dartboard.session.search import search_problem
from dartboard.space import Genotype, get_space, parse_genotype
from dartboard.testing.small import StopAfter, Stopped, fingerprint, open_small, outcome

EPOCHS, STEPS = 12, 2
SPACE = get_space("nas-bench-201")
SKIP = SPACE.ops.index("skip_connect")
START = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"


@dataclass(frozen=True)
class PushSkips:
    """A gradient that lets skip connections rise, whatever the images say."""

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """Down at the skip connections, nothing elsewhere."""
        gradient = torch.zeros_like(problem.alphas["cell"])
        gradient[:, SKIP] = -1.0
        return {"cell": gradient}


@dataclass(frozen=True)
class Breaking:
    """A gradient that takes alpha to where there are no numbers, once skip connections have risen a little."""

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """As `PushSkips`, then NaN."""
        alpha = problem.alphas["cell"]
        broken = {"cell": torch.full_like(alpha, torch.nan)}
        return PushSkips()(problem) if float(alpha[0, SKIP].detach()) < 0.7 else broken


# From a lead of 1.0 for convolutions, skip connections are ahead after 5 epochs of two steps of 0.1.
COLLAPSING = Recipe(gradient=PushSkips(), update=AdamUpdate(lr=0.1))
CALM = Recipe(gradient=FirstOrder(), update=AdamUpdate(lr=1e-4))
LAYERS: Mapping[str, Any] = {
    "space": "nas-bench-201",
    "search.validation_images": 12,
    "search.start_at": parse_genotype(START, space="nas-bench-201").to_json(),
    "search.start_lead": 1.0,
}


class Heard(Observer):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)


def searched(
    folder: Path, recipe: Recipe, guard: str, *, observer: Observer | None = None, fallback: Recipe = CALM, **more: Any
) -> Genotype:
    """Search, or go on with a search, under a guard."""
    with RunDirectory(folder) as run:
        session = open_small(run, LAYERS, {"search.guard": guard}, more)
        return run_search(
            search_problem(session),
            recipe,
            session.settings.search,
            run,
            length=Length(EPOCHS, STEPS),
            seed=1,
            observer=observer or Observer(),
            fallback=fallback,
        )


def recorded(folder: Path) -> tuple[list[SearchEpoch], list[Any]]:
    """The epochs, and all else."""
    with RunDirectory(folder) as run:
        events = run.events.read()
    return [each for each in events if isinstance(each, SearchEpoch)], [
        each for each in events if not isinstance(each, SearchEpoch)
    ]


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Searches without a guard, one that collapses and one that does not, and one that falls back."""
    folder = tmp_path_factory.mktemp("searches")
    searched(folder / "collapsing", COLLAPSING, "off")
    searched(folder / "calm", CALM, "off")
    searched(folder / "fallen", COLLAPSING, "fallback")
    return folder


def test_a_warning_says_what_was_seen_and_leaves_the_search_as_it_is(searches: Path, tmp_path: Path) -> None:
    heard = Heard()
    searched(tmp_path / "warned", COLLAPSING, "warn", observer=heard)
    assert outcome(tmp_path / "warned") == outcome(searches / "collapsing")
    [told] = [note for note in heard.notes if note.startswith("The search collapses")]
    for text in ("6 of 6 of the kept operations of the cell are skip connections", "since epoch", "--guard fallback"):
        assert text in told


@pytest.mark.parametrize("guard", ["warn", "fallback"])
def test_a_search_that_does_not_collapse_is_the_same_under_every_guard(
    guard: str, searches: Path, tmp_path: Path
) -> None:
    heard = Heard()
    searched(tmp_path / "guarded", CALM, guard, observer=heard)
    assert not [note for note in heard.notes if "collapses" in note]
    guarded, alone = outcome(tmp_path / "guarded"), outcome(searches / "calm")
    assert guarded["events"] == alone["events"]
    assert guarded["checkpoints"]["search.pt"] == alone["checkpoints"]["search.pt"]
    assert not CollapsedSearch.exists(tmp_path / "guarded")


def test_stopping_gives_the_cell_and_the_state_of_the_last_good_epoch(tmp_path: Path) -> None:
    found = searched(tmp_path, COLLAPSING, "stop")
    epochs, rest = recorded(tmp_path)
    verdict = collapse(signs(epochs, SPACE), EPOCHS)
    assert verdict is not None
    assert len(epochs) == verdict.epoch < EPOCHS
    assert verdict.good is not None
    assert found.to_json() == epochs[verdict.good - 1].genotype
    [stop] = [event for event in rest if isinstance(event, SearchStop)]
    assert f"read from epoch {verdict.good}" in stop.reason
    record = CollapsedSearch.read(tmp_path)
    assert (record.action, record.signal, record.epoch, record.good) == ("stop", "skips", verdict.epoch, verdict.good)
    with RunDirectory(tmp_path) as run:
        last, good = (run.load_checkpoint(name, "search") for name in ("search", "good"))
    assert last is not None
    assert good is not None
    for name in ("supernet", "alphas", "weight_optimizer", "alpha_optimizer"):
        assert fingerprint(last[name]) == fingerprint(good[name])


def test_falling_back_goes_on_from_the_last_good_epoch_and_keeps_the_record_of_the_first_search(
    searches: Path,
) -> None:
    first, _ = recorded(searches / "collapsing")
    verdict = collapse(signs(first, SPACE), EPOCHS)
    assert verdict is not None
    assert verdict.good is not None
    epochs, rest = recorded(searches / "fallen")
    # Gates are those of the first search up to the last good epoch, and of the second from there on.
    gates = [epoch.gates for epoch in epochs]
    assert [epoch.epoch for epoch in epochs] == list(range(1, EPOCHS + 1))
    assert gates[: verdict.good] == [epoch.gates for epoch in first[: verdict.good]]
    assert gates[verdict.good] != first[verdict.good].gates
    record = CollapsedSearch.read(searches / "fallen")
    assert (record.action, record.anew, record.further_epochs) == ("fallback", False, EPOCHS - verdict.good)
    assert [each["epoch"] for each in record.epochs] == list(range(verdict.good + 1, verdict.epoch + 1))
    assert [each["gates"] for each in record.epochs] == [epoch.gates for epoch in first[verdict.good : verdict.epoch]]
    [rollback] = [event for event in rest if isinstance(event, Rollback)]
    assert (rollback.before, rollback.epoch) == (verdict.epoch, verdict.good)
    assert collapse(signs(epochs, SPACE), EPOCHS) is None
    assert record.again == ""


def test_the_second_search_begins_with_the_tensors_of_the_good_epoch_bit_by_bit(tmp_path: Path) -> None:
    class Resting(Exception):
        """Raised when the second search begins."""

    class UntilSecond(Observer):
        def note(self, text: str) -> None:
            if text.startswith("The search goes back"):
                raise Resting

    with pytest.raises(Resting):
        searched(tmp_path, COLLAPSING, "fallback", observer=UntilSecond())
    with RunDirectory(tmp_path) as run:
        second, good = (run.load_checkpoint(name, "search") for name in ("search", "good"))
    assert second is not None
    assert good is not None
    for name in ("supernet", "alphas", "weight_optimizer", "epoch"):
        assert fingerprint(second[name]) == fingerprint(good[name])
    moments = [saved["alpha_optimizer"]["state"] for saved in (second, good)]
    assert fingerprint(moments[0]) == fingerprint(moments[1])
    rates = [saved["alpha_optimizer"]["param_groups"][0]["lr"] for saved in (second, good)]
    assert rates[0] < rates[1] == 0.1  # how alpha moves is up to the second search, as in every short one


@pytest.mark.parametrize("epochs", [pytest.param(3, marks=pytest.mark.slow), 8])
def test_a_guarded_search_that_is_stopped_and_resumed_is_one_that_never_stopped(
    epochs: int, searches: Path, tmp_path: Path
) -> None:
    with pytest.raises(Stopped):
        searched(tmp_path, COLLAPSING, "fallback", observer=StopAfter(epochs=epochs, steps=1))
    searched(tmp_path, COLLAPSING, "fallback")
    assert outcome(tmp_path) == outcome(searches / "fallen")


def test_a_second_search_that_collapses_is_stopped(tmp_path: Path) -> None:
    found = searched(tmp_path, COLLAPSING, "fallback", fallback=replace(COLLAPSING))
    record = CollapsedSearch.read(tmp_path)
    assert record.action == "fallback"
    assert "skip connections" in record.again
    epochs, rest = recorded(tmp_path)
    assert sum(isinstance(event, Rollback) for event in rest) == 1
    assert sum(isinstance(event, SearchStop) for event in rest) == 1
    assert found.operation_counts.get("skip_connect", 0) <= 3
    assert len(epochs) < EPOCHS


def test_a_search_with_other_parameters_begins_anew(searches: Path, tmp_path: Path) -> None:
    sigmoid = make_recipe("fair-darts", {})
    assert not fits(sigmoid, CALM)
    pushed = replace(sigmoid, gradient=PushSkips(), update=AdamUpdate(lr=0.1))
    searched(tmp_path / "guarded", pushed, "fallback")
    record = CollapsedSearch.read(tmp_path / "guarded")
    assert (record.anew, record.further_epochs) == (True, EPOCHS)
    second, _ = recorded(tmp_path / "guarded")
    alone, _ = recorded(searches / "calm")
    assert [epoch.gates for epoch in second] == [epoch.gates for epoch in alone]
    assert [epoch.weight_loss for epoch in second] == [epoch.weight_loss for epoch in alone]


def test_a_loss_that_is_not_finite_is_a_collapse_for_a_guard_that_acts(tmp_path: Path) -> None:
    breaking = replace(COLLAPSING, gradient=Breaking())
    with pytest.raises(NonFiniteLossError):
        searched(tmp_path / "warned", breaking, "warn")
    searched(tmp_path / "guarded", breaking, "fallback")
    record = CollapsedSearch.read(tmp_path / "guarded")
    assert (record.action, record.signal, record.epoch) == ("fallback", "unstable", 4)
    assert record.good in (1, 2, 3)
    assert "loss is nan in search epoch" in record.words
    epochs, _ = recorded(tmp_path / "guarded")
    assert len(epochs) == EPOCHS


def test_a_second_search_without_time_is_not_begun(tmp_path: Path) -> None:
    heard = Heard()
    searched(tmp_path, COLLAPSING, "fallback", observer=heard, **{"search.seconds": 1e-3})
    assert CollapsedSearch.read(tmp_path).action == "stop"
    assert any(note.startswith("A second search could have 0 epochs") for note in heard.notes)


def test_robust_darts_goes_on_with_darts_and_not_with_other_gates() -> None:
    robust = make_recipe("robust-darts", {})
    going_on = [name for name in ("darts", "darts-2nd", "p-darts", "pc-darts", "single-darts", "gdas", "hyperdarts-1")
                if fits(make_recipe(name, {}), robust)]  # fmt: skip
    assert going_on == ["darts", "darts-2nd"]
