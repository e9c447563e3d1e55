import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dartboard.engine.state import SearchState
from dartboard.parts import Recipe
from dartboard.parts.rules import GoingBack, Outcome, SearchView
from dartboard.parts.rules.protocol import Rule
from dartboard.runs import Epoch, Event, EventLog, Observer, Rollback
from dartboard.testing import timeless

from .test_loop import DARTS, Killed, problem, search


class Returning(Rule):
    """Goes back from the end of an epoch to that of an earlier one, once for every pair."""

    def __init__(self, *returns: tuple[int, int], factor: float = 1000.0) -> None:
        self.returns, self.factor = returns, factor

    def after_epoch(self, search: SearchState) -> Outcome:
        now = {f"after {search.epoch}": copy.deepcopy({**search.state_dict(), "records": {}})}
        if len(search.rollbacks) < len(self.returns):
            start, end = self.returns[len(search.rollbacks)]
            if search.epoch == start:
                kept = {**search.records, **now}
                saved = {**kept[f"after {end}"], "records": kept}
                return Outcome(back=GoingBack(saved, "it was better there", self.factor))
        return Outcome(now)


class Last(Rule):
    """Notes the epochs at whose end it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def after_epoch(self, search: SearchView) -> None:
        self.asked.append(search.epoch)


def returning(*returns: tuple[int, int]) -> Recipe:
    return replace(DARTS, rules=(Returning(*returns), *DARTS.rules))


def told(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.event, event.epoch) for event in events]


def test_a_search_that_goes_back_does_the_epochs_again_and_records_them_once(tmp_path: Path) -> None:
    notes: list[str] = []

    class Noted(Observer):
        def note(self, sentence: str) -> None:
            notes.append(sentence)

    _, events = search(tmp_path / "back", problem(), returning((4, 2)), epochs=5, observer=Noted())
    assert told(events) == [("epoch", 1), ("epoch", 2), ("rollback", 2), ("epoch", 3), ("epoch", 4), ("epoch", 5)]
    back = events[2]
    assert (back.before, back.reason) == (4, "it was better there")
    assert back.seconds > 0
    assert notes[0] == "The search goes back from epoch 4 to 2: it was better there."
    _, plain = search(tmp_path / "plain", problem(), epochs=5)
    assert timeless(events[:2]) == timeless(plain[:2])
    assert events[4].weight_loss != plain[3].weight_loss, "another weight decay"
    assert events[4].learning_rate == plain[3].learning_rate, "the same schedule"


def test_a_search_that_goes_back_without_a_change_finds_what_it_had_found(tmp_path: Path) -> None:
    _, plain = search(tmp_path / "plain", problem(), epochs=4)
    recipe = replace(DARTS, rules=(Returning((3, 1), factor=1.0),))
    _, events = search(tmp_path / "back", problem(), recipe, epochs=4)
    assert timeless([event for event in events if event.event == "epoch"]) == timeless(plain)


def test_rules_after_the_one_that_goes_back_are_not_asked_about_the_epoch_undone(tmp_path: Path) -> None:
    last = Last()
    search(tmp_path, problem(), replace(DARTS, rules=(Returning((2, 1)), last)), epochs=3)
    assert last.asked == [1, 2, 3]


TWICE = ((3, 1), (4, 2))


@pytest.mark.parametrize("stop_after", range(1, 8))
def test_a_search_that_goes_back_stopped_anywhere_and_resumed_is_never_stopped(tmp_path: Path, stop_after: int) -> None:
    class StopAfter(Observer):
        """Killed at the end of its n-th epoch, one that is undone included: at the first call after the checkpoint."""

        done = 0

        def epoch(self, _event: Epoch) -> None:
            self.count()

        def note(self, _sentence: str) -> None:
            self.count()

        def count(self) -> None:
            self.done += 1
            if self.done == stop_after:
                raise Killed

    genotype, events = search(tmp_path / "whole", problem(), returning(*TWICE), epochs=4)
    assert told(events) == [("epoch", 1), ("rollback", 1), ("epoch", 2), ("rollback", 2), ("epoch", 3), ("epoch", 4)]
    with pytest.raises(Killed):
        search(tmp_path / "halved", problem(), returning(*TWICE), epochs=4, observer=StopAfter())
    again, resumed = search(tmp_path / "halved", problem(), returning(*TWICE), epochs=4)
    assert again == genotype
    assert timeless(resumed) == timeless(events)


@pytest.mark.parametrize("place", ["before", "between"])
def test_a_kill_between_the_checkpoint_and_the_record_of_a_return_loses_nothing(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the undone events are dropped, or after that and before the return is recorded."""
    genotype, events = search(tmp_path / "whole", problem(), returning((3, 1)), epochs=4)
    whole = {"keep": EventLog.keep, "append": EventLog.append}

    def killed(log: EventLog, argument: Any) -> None:
        if place == "between" and isinstance(argument, Rollback):
            raise Killed
        if place == "before" and not isinstance(argument, Event) and any(event.epoch == 3 for event in log.read()):
            raise Killed
        whole["append" if isinstance(argument, Event) else "keep"](log, argument)

    for name in whole:
        monkeypatch.setattr(EventLog, name, killed)
    with pytest.raises(Killed):
        search(tmp_path / "halved", problem(), returning((3, 1)), epochs=4)
    monkeypatch.undo()
    again, resumed = search(tmp_path / "halved", problem(), returning((3, 1)), epochs=4)
    assert again == genotype
    assert timeless(resumed) == timeless(events)
