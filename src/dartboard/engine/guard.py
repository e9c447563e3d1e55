"""What is done about a search that collapses: a warning, an end, or a second search from the last good epoch."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dartboard.engine.collapse import REMEDIES, Collapse, CollapseRules, collapse, sharpening, signs
from dartboard.engine.stage import StageSearch
from dartboard.engine.state import SearchState
from dartboard.errors import NonFiniteLossError
from dartboard.parts.recipe import Recipe
from dartboard.runs import CollapsedSearch, Observer, RunDirectory, SearchEpoch, Watched
from dartboard.space import SearchSpace
from dartboard.wording import count

__all__ = ["FEWEST_EPOCHS", "Guard", "begin_again", "epochs_left", "fits", "last_recorded", "second_search"]

FEWEST_EPOCHS = 5
"""A second search of fewer epochs cannot notice that it becomes sharp, and is not begun."""

_COST = 2.5
"""An epoch of the second search in epochs of first order, as long as none was timed."""

_GOOD, _RECORD = "good", "guard"


def epochs_left(planned: int, seconds: float | None, each: float) -> int:
    """How many epochs a second search can have: those that were to come, or as many as the time allows.

    >>> epochs_left(40, 100, 9), epochs_left(40, 100, 21), epochs_left(8, None, 9)
    (11, 4, 8)

    Args:
        planned: epochs that were to come.
        seconds: that are left for the search; None: no limit.
        each: seconds of such an epoch.
    """
    return planned if seconds is None or each <= 0 else min(planned, max(0, math.floor(seconds / each)))


def fits(recipe: Recipe, fallback: Recipe) -> bool:
    """Whether weights and alphas of a search with one recipe can go on with the other."""

    def form(each: Recipe) -> tuple[object, ...]:
        return type(each.relaxation), each.edges, each.mixing, each.without, each.only_selectable, each.images

    special = (recipe.earlier, recipe.hypernetwork, recipe.companion)
    return not any(special) and form(recipe) == form(fallback)


@dataclass
class Guard:
    """Looks after every epoch whether the search collapses, and acts.

    All that it goes by is in the run directory, so a resumed search acts as one that never stopped.

    Attributes:
        action: what is done.
        space: that is searched.
        run: of the search.
        observer: hears of it.
        fallback: recipe of the second search; needed for the action "fallback".
        fallen: what is known of the first search when a second one is to begin.
    """

    action: Literal["off", "warn", "stop", "fallback"]
    space: SearchSpace
    run: RunDirectory
    observer: Observer
    fallback: Recipe | None = None
    fallen: CollapsedSearch | None = None
    _told: bool = False
    _sharp: bool = False

    def ends(self, search: StageSearch) -> bool:
        """Look at the epochs so far, and act; True if the stage is over because of that.

        Args:
            search: the stage between two epochs; its state may be changed.
        """
        if self.action == "off" or not search.state.epoch:
            return False
        if _memory(search.state).get("stopped"):
            return True
        epochs = self._epochs()
        found = signs(epochs, self.space)
        if self._acts and found and not found[-1].signals:
            self._keep(search)
        self._tell_sharp(search, [sign.eigenvalue for sign in found if sign.eigenvalue is not None])
        verdict = collapse(found, search.state.epochs)
        return verdict is not None and self._act(search, verdict, epochs)

    def takes(self, search: StageSearch, error: NonFiniteLossError) -> bool:
        """Act on a loss that is not finite; False if there is nothing to go back to, or nothing is asked for."""
        epochs = self._epochs()
        if not self._acts or not epochs:
            return False
        epoch = search.state.epoch + 1
        good = [sign.epoch for sign in signs(epochs, self.space) if not sign.signals]
        words = str(error).partition(";")[0]
        return self._act(search, Collapse("unstable", epoch, epoch, good[-1] if good else None, words), epochs)

    @property
    def _acts(self) -> bool:
        return self.action in ("stop", "fallback")

    def _epochs(self) -> list[SearchEpoch]:
        return [event for event in self.run.events.read() if isinstance(event, SearchEpoch)]

    def _keep(self, search: StageSearch) -> None:
        """Keep the state after the last epoch as a good one."""
        self.run.save_checkpoint(_GOOD, "search", search.state.state_dict())

    def _act(self, search: StageSearch, verdict: Collapse, epochs: Sequence[SearchEpoch]) -> bool:
        if not self._acts:
            if not self._told:
                self._told = True
                self.observer.note(f"The search collapses: {verdict.words}. {REMEDIES}.")
            return False
        before = CollapsedSearch.find(self.run.path)
        if before is not None and _memory(search.state):
            before.model_copy(update={"again": verdict.words}).write(self.run.path)
        else:
            record = self._record(search, verdict, epochs)
            record.write(self.run.path)
            if record.action == "fallback":
                self.fallen = record
                return True
        self._stop(search, verdict)
        return True

    def _record(self, search: StageSearch, verdict: Collapse, epochs: Sequence[SearchEpoch]) -> CollapsedSearch:
        """What is to be done: a second search if that is asked for and there is time, otherwise an end."""
        seconds = math.fsum(event.seconds for event in epochs)
        ended = CollapsedSearch(
            action="stop",
            signal=verdict.signal,
            since=verdict.since,
            epoch=verdict.epoch,
            good=verdict.good,
            words=verdict.words,
            seconds=seconds,
        )
        if self.action != "fallback" or self.fallback is None:
            return ended
        good = self.good(search)
        anew = good is None or any(good["decisions"].values()) or not fits(search.recipe, self.fallback)
        start = 0 if anew or good is None else good["epoch"]
        each = _COST * seconds / len(epochs)
        left = epochs_left(search.state.epochs - start, self._seconds_left(search, seconds), each)
        if left < FEWEST_EPOCHS:
            self.observer.note(
                f"A second search could have {count(left, 'epoch')}, fewer than {FEWEST_EPOCHS}, so the search ends "
                "instead."
            )
            return ended
        replaced = tuple(event.to_json() for event in epochs if event.epoch > start)
        update = {"action": "fallback", "anew": anew, "further_epochs": left, "epochs": replaced}
        return ended.model_copy(update=update)

    def _seconds_left(self, search: StageSearch, spent: float) -> float | None:
        limit = search.settings.seconds
        if limit is None:
            return None
        watched = math.fsum(event.seconds for event in self.run.events.read() if isinstance(event, Watched))
        return max(0.0, limit - spent - watched)

    def _stop(self, search: StageSearch, verdict: Collapse) -> None:
        """End the search with weights and alphas of the last good epoch."""
        state, good = search.state, self.good(search)
        memory = {**_memory(state), "stopped": True, "epoch": state.epoch}
        if good is not None:
            state.load_state_dict(good)
        read = f"the architecture is read from epoch {good['epoch']}" if good else "no epoch before it was a good one"
        state.records = {**state.records, _RECORD: memory}
        state.follow(state.plan.stopped(f"it collapses, as {verdict.words}, and {read}"))
        self.run.save_checkpoint("search", "search", state.state_dict())

    def good(self, search: StageSearch) -> dict[str, Any] | None:
        """The state after the last good epoch; None if there is none of a supernet with the same parameters."""
        kept, memory = self.run.load_checkpoint(_GOOD, "search"), _memory(search.state)
        if kept is None or kept["stage"] != search.number:
            return None
        return kept if not memory.get("anew") or kept.get("records", {}).get(_RECORD) == memory else None

    def _tell_sharp(self, search: StageSearch, eigenvalues: Sequence[float]) -> None:
        rise = sharpening(eigenvalues)
        if not self._sharp and rise is not None and rise > CollapseRules().sharp:
            self._sharp = True
            self.observer.note(
                f"The loss becomes sharp: the largest eigenvalue of the Hessian in alpha has grown {rise:.1f}-fold by "
                f"epoch {search.state.epoch}, which often comes before a collapse. {REMEDIES}."
            )


def _memory(state: SearchState) -> dict[str, Any]:
    """What the checkpoint of a search that was stopped, or of a second search, holds of the guard."""
    memory: dict[str, Any] = state.records.get(_RECORD, {})
    return memory


def last_recorded(state: SearchState) -> int:
    """The last epoch whose record counts: that of the state, or that after which the search was stopped."""
    stopped_after: int = _memory(state).get("epoch", 0)
    return max(state.epoch, stopped_after)


def second_search(saved: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """First and last epoch of a saved second search, and whether it began anew; None for a first search."""
    memory: dict[str, Any] = saved.get("records", {}).get(_RECORD, {}) if saved else {}
    return memory if "start" in memory else None


def _take_up(second: SearchState, good: Mapping[str, Any]) -> None:
    """Give a second search the state of the first; its own recipe still says how alpha moves."""
    groups = second.alpha_optimizer.param_groups if second.alpha_optimizer else []
    own = [{key: value for key, value in group.items() if key != "params"} for group in groups]
    second.load_state_dict(copy.deepcopy(dict(good)))
    for group, options in zip(second.alpha_optimizer.param_groups if second.alpha_optimizer else [], own, strict=True):
        group.update(options)


def begin_again(search: StageSearch, guard: Guard, begin: Callable[[dict[str, Any]], StageSearch]) -> StageSearch:
    """The second search, saved: it goes on from the last good epoch of the first, or begins anew.

    Args:
        search: the first search.
        guard: knows what is to be done.
        begin: builds the second search from what `second_search` gives.
    """
    record, good = guard.fallen, guard.good(search)
    assert record is not None
    start = 0 if record.anew or good is None else good["epoch"]
    memory = {"start": start, "epochs": start + record.further_epochs, "anew": record.anew}
    found, first = begin(memory), search.state
    second = found.state
    if not record.anew and good is not None:
        _take_up(second, good)
    reason = f"it collapses, as {record.words}; a second search begins{' anew' if record.anew else ''}"
    second.rollbacks = [*first.rollbacks, {"from": first.epoch, "epoch": start, "reason": reason}]
    second.records = {**second.records, _RECORD: memory}
    guard.run.save_checkpoint("search", "search", second.state_dict())
    guard.fallen = None
    return found
