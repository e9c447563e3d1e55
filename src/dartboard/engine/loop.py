"""The one loop that runs every search: per stage and epoch the rules, the steps, the rules, record, checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dartboard.devices import equal_steps
from dartboard.engine.finished.reselection import Reselection
from dartboard.engine.finished.search import FinishedSearch, snapshot_epochs
from dartboard.engine.guard import Guard, begin_again, last_recorded, second_search
from dartboard.engine.problem import SearchProblem
from dartboard.engine.schedule import stage_spans
from dartboard.engine.settings import SearchSettings
from dartboard.engine.stage import StageSearch
from dartboard.engine.state import SearchState, brought_up_to_date
from dartboard.engine.watches import Watching, watched_seconds
from dartboard.errors import NonFiniteLossError
from dartboard.parts.architecture import Live
from dartboard.parts.hooks import Remarking
from dartboard.parts.recipe import Recipe, Stage, initial_live
from dartboard.parts.rules.protocol import Advising
from dartboard.parts.selection.trying import told_in_vain
from dartboard.runs import (
    DecisionMade,
    Event,
    Length,
    Observer,
    Rollback,
    RunDirectory,
    SearchEpoch,
    SearchStop,
    SelectionDone,
    Watched,
)
from dartboard.space import Genotype, lets_images_through
from dartboard.wording import count

__all__ = ["run_reselection", "run_search"]


def run_search(
    problem: SearchProblem,
    recipe: Recipe,
    settings: SearchSettings,
    run: RunDirectory,
    *,
    length: Length,
    seed: int,
    observer: Observer,
    fallback: Recipe | None = None,
) -> Genotype:
    """Search from the run directory's checkpoint, or from the start, to `genotype.json`.

    Args:
        problem: space, supernets and batches.
        recipe: the method.
        settings: learning rates and the like.
        run: where events, checkpoints and the genotype go.
        length: epochs, and steps of each.
        seed: root of every random stream.
        observer: hears of every step and epoch.
        fallback: what goes on with a search that collapses, where `settings.guard` asks for it.

    Returns:
        The genotype that the recipe's selection chooses.

    Raises:
        NonFiniteLossError: a loss became NaN or infinite; the checkpoint holds the epoch before.
        CheckpointError: the checkpoint cannot be used.
        SettingsError: there are fewer epochs than stages.
    """
    stages = recipe.stages
    spans = stage_spans([stage.share for stage in stages], length.epochs)

    def begin(number: int, live: Live) -> StageSearch:
        return StageSearch(problem, stages[number].recipe, settings, number, spans[number], length, seed, live)

    def begin_second(memory: dict[str, Any]) -> StageSearch:
        assert fallback is not None
        own = fallback if memory["anew"] else replace(fallback, restarts_rate=False)  # along the same cosine
        live, span = initial_live(own, problem.space), (memory["start"], memory["epochs"])
        return StageSearch(problem, own, settings, 0, span, Length(memory["epochs"], length.steps), seed, live)

    guard = Guard(settings.guard, problem.space, run, observer, fallback)
    saved = run.load_checkpoint("search", "search")
    second = second_search(saved)
    if saved:
        with run.restoring("search"):
            saved = brought_up_to_date(saved, problem.space.name)
            search = begin_second(second) if second else begin(saved["stage"], saved["live"])
            search.state.load_state_dict(saved)
    else:
        search = begin(0, initial_live(stages[0].recipe, problem.space))
    _forget_undone(run, search.state)
    watching = Watching(settings.watch, settings.watch_share, run, seed)
    observer.begin("search", epochs=length.epochs, steps=search.num_steps, done=search.state.epoch)
    with equal_steps():
        while True:
            _run_stage(search, run, observer, watching, guard)
            if guard.fallen:
                search = begin_again(search, guard, begin_second)
                _forget_undone(run, search.state)
                observer.note(f"The search goes back: {search.state.rollbacks[-1]['reason']}.")
                observer.begin("search", epochs=search.state.epochs, steps=search.num_steps, done=search.state.epoch)
            elif search.number == len(stages) - 1 or "guard" in search.state.records:
                break
            else:
                search = _next_stage(search, stages[search.number], begin)
    return _conclude(search, run, observer)


def _next_stage(before: StageSearch, stage: Stage, begin: Callable[[int, Live], StageSearch]) -> StageSearch:
    """The stage after one that has ended, with what that one leaves to it."""
    search = begin(before.number + 1, before.pruned(stage))
    if stage.leaves != "nothing":
        search.take_over(before, momentum=stage.leaves == "everything")
    return search


def run_reselection(
    problem: SearchProblem,
    recipe: Recipe,
    wanted: Reselection,
    settings: SearchSettings,
    run: RunDirectory,
    *,
    source: RunDirectory,
    length: Length,
    seed: int,
    observer: Observer,
    checkpoint: str = "search",
) -> Genotype:
    """Read another architecture from a supernet that a search has trained, to `genotype.json` of another run.

    Edges that the search has decided are open again; weights and alphas are those of its end.

    Args:
        problem: as in the search.
        recipe: of the search.
        wanted: how the architecture is read.
        settings: as in the search.
        run: where events, checkpoints and the genotype go; one with a checkpoint is gone on with.
        source: of the search, which has a checkpoint; nothing in it is changed.
        length: of the search.
        seed: of the search.
        observer: hears of every step and epoch.
        checkpoint: name of that of the search; a snapshot has another.

    Raises:
        CheckpointError: a checkpoint cannot be used.
        NonFiniteLossError: a loss became NaN or infinite; the checkpoint holds the epoch before.
    """
    finished = FinishedSearch(problem, recipe, settings, source, length=length, seed=seed, checkpoint=checkpoint)
    epochs = wanted.learns_for(problem.space.name)
    search = finished.begin(wanted.recipe(finished.recipe), epochs, "reselection")
    if saved := run.load_checkpoint("search", "search"):
        with run.restoring("search"):
            search.state.load_state_dict(brought_up_to_date(saved, problem.space.name))
    else:
        finished.hand_over(search)
    _forget_undone(run, search.state)
    observer.begin("search", epochs=epochs, steps=search.num_steps, done=search.state.epoch)
    with equal_steps():
        _run_stage(search, run, observer)
    return _conclude(search, run, observer)


def _run_stage(
    search: "StageSearch",
    run: RunDirectory,
    observer: Observer,
    watching: Watching | None = None,
    guard: Guard | None = None,
) -> None:
    state, rules, told = search.state, search.recipe.rules, False
    state.on_decision = run.events.append
    while not (guard is not None and guard.ends(search)) and not state.has_ended:
        started, planned, state.deciding_seconds = time.perf_counter(), search.num_steps, 0.0
        limited = search.settings.seconds is not None
        epochs = [each for each in run.events.read() if isinstance(each, SearchEpoch)] if limited else []
        search.plan_steps(epochs, watched_seconds(run) if limited else 0.0)
        if search.num_steps != planned:
            observer.resize(epochs=state.epochs, steps=search.num_steps, done=state.epoch)
        if not told:
            _tell_before(search, observer)
            told = True
        state.plan_epoch(rules)
        if state.plan.stop_reason:
            return
        try:
            event = search.run_epoch(observer)
        except NonFiniteLossError as error:
            if guard is not None and guard.takes(search, error):
                return
            raise
        done = state.epoch
        state.end_epoch(rules)
        seconds = time.perf_counter() - started  # rules may try a supernet, too
        event = event.finished(state.figures, seconds, state.deciding_seconds)
        run.events.append(event)
        if watching is not None and state.epoch == done:
            watching.after(search, event)
        run.save_checkpoint("search", "search", state.state_dict())
        if watching is not None and state.epoch in snapshot_epochs(search.settings.snapshots, state.epochs):
            run.save_checkpoint(f"snapshot-{state.epoch}", "search", state.state_dict())
        if state.epoch < done:
            _forget_undone(run, state)
            observer.note(f"The search goes back from epoch {done} to {state.epoch}: {state.rollbacks[-1]['reason']}.")
            observer.begin("search", epochs=state.epochs, steps=search.num_steps, done=state.epoch)
        else:
            observer.epoch(event)


def _tell_before(search: "StageSearch", observer: Observer) -> None:
    """Say what a user should know before a stage begins."""
    state, rules = search.state, search.recipe.rules
    advising = (part for part in search.recipe.parts if isinstance(part, Advising))
    for sentence in (sentence for part in advising for sentence in part.advice(state)):
        observer.note(sentence)
    tried = sum(rule.count_trials(state.architecture) + rule.count_decisions(state.architecture) for rule in rules)
    if not tried:
        return
    images = state.trials.images
    more = " or more" if images.by == "adaptive" and images.first < images.total else ""
    observer.note(f"Decisions score the supernet {tried} times in all, on {images.first:,} images{more} each.")
    if images.coarse:
        observer.note(
            f"These decisions are coarse: you asked for {count(images.total, 'image')}, and supernets that differ on "
            f"5 % of the images are told apart from some thousands on; set search.decision_images=adaptive."
        )


def _forget_undone(run: RunDirectory, state: SearchState) -> None:
    """Drop the events of epochs that were undone, and record the rollbacks that undid them.

    Called once the state is saved: a kill on the way leaves what the next call, on resuming, puts right.
    """
    last = last_recorded(state)

    def is_past(event: Event) -> bool:
        done = isinstance(event, SearchEpoch | DecisionMade | Watched) and event.epoch <= last
        return event.phase != "search" or isinstance(event, Rollback) or done

    events = run.events.read()
    undone = [event for event in events if isinstance(event, SearchEpoch) and event.epoch > last]
    recorded = sum(isinstance(event, Rollback) for event in events)
    run.events.keep(is_past)
    for rollback in state.rollbacks[recorded:]:
        run.events.append(Rollback.of({**rollback, "seconds": math.fsum(event.seconds for event in undone)}))


def _conclude(search: "StageSearch", run: RunDirectory, observer: Observer) -> Genotype:
    """Say how the search ended, and write the genotype."""
    state = search.state
    if reason := state.plan.stop_reason:
        run.events.append(SearchStop(reason=reason))
        done = f"stopped after {state.epoch} of {count(state.epochs, 'epoch')}"
        observer.note(f"The search {done if state.epoch else 'ends before its first epoch'}: {reason}.")
    for part in search.recipe.parts:
        if isinstance(part, Remarking) and (sentence := part.remark(state.figures)):
            observer.note(sentence)
    judged = search.judge(observer.note)
    genotype = judged.genotype
    if judged.figures:
        run.events.append(SelectionDone(figures=dict(judged.figures)))
    if drawn := judged.figures.get("drawn_in_vain"):
        observer.note(told_in_vain(drawn))
    if not lets_images_through(search.problem.space, genotype):
        observer.note(
            "Nothing of the images passes through the architecture found, so its network gives every image the same "
            "answer; search longer, with another seed, or by another method."
        )
    run.write("genotype.json", genotype.to_json())
    observer.end("search")
    return genotype
