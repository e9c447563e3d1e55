"""The one loop that runs every search: per stage and epoch the rules, the steps, the rules, record, checkpoint."""

import math
import time
from collections.abc import Sequence
from itertools import islice, pairwise

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.errors import NonFiniteLossError, SettingsError
from dartboard.runs import Event, Meter, Observer, RunDirectory, equal_steps, make_generator
from dartboard.search.architecture import Architecture, Live, all_live
from dartboard.search.hypernetworks import attach_hypernetwork, learned_weights
from dartboard.search.problem import SearchBatches, SearchLength, SearchProblem, SupernetRequest
from dartboard.search.recipe import Recipe, Stage
from dartboard.search.settings import SearchSettings
from dartboard.search.state import SearchState
from dartboard.search.steps import Steps, Streams
from dartboard.space import Genotype

__all__ = ["StageSearch", "cosine", "run_search", "stage_spans"]


def run_search(
    problem: SearchProblem,
    recipe: Recipe,
    settings: SearchSettings,
    run: RunDirectory,
    *,
    length: SearchLength,
    seed: int,
    observer: Observer,
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

    saved = run.load_checkpoint("search", "search")
    if saved:
        with run.restoring("search"):
            search = begin(saved["stage"], saved["live"])
            search.state.load_state_dict(saved)
    else:
        search = begin(0, all_live(problem.space, recipe.without))
    _forget_undone(run, search.state)
    observer.begin("search", epochs=length.epochs, steps=search.num_steps, done=search.state.epoch)
    with equal_steps():
        while True:
            _run_stage(search, run, observer)
            if search.number == len(stages) - 1:
                break
            search = begin(search.number + 1, search.pruned(stages[search.number]))
    return _conclude(search, run, observer)


def _run_stage(search: "StageSearch", run: RunDirectory, observer: Observer) -> None:
    state, rules = search.state, search.recipe.rules
    while not state.has_ended:
        for rule in rules:
            rule.before_epoch(state)
        if state.stop_reason:
            return
        event = search.run_epoch(observer)
        done = state.epoch
        for rule in rules:
            if state.epoch == done:  # whoever goes back has the last word
                rule.after_epoch(state)
        event |= state.figures
        run.events.append(event)
        run.save_checkpoint("search", "search", state.state_dict())
        if state.epoch < done:
            _forget_undone(run, state)
            observer.note(f"The search goes back from epoch {done} to {state.epoch}: {state.rollbacks[-1]['reason']}.")
            observer.begin("search", epochs=state.epochs, steps=search.num_steps, done=state.epoch)
        else:
            observer.epoch(event)


def _forget_undone(run: RunDirectory, state: SearchState) -> None:
    """Drop the events of epochs that the state has not done, and record the returns that undid them.

    Called once the state is saved: a kill on the way leaves what the next call, on resuming, puts right.
    """

    def is_past(event: Event) -> bool:
        return event["phase"] != "search" or event["event"] == "rollback" or _is_done(event, state.epoch)

    events = run.events.read()
    seconds = math.fsum(event["seconds"] for event in events if event["event"] == "epoch" and not is_past(event))
    recorded = sum(event["event"] == "rollback" for event in events)
    run.events.keep(is_past)
    for rollback in state.rollbacks[recorded:]:
        run.events.append({"event": "rollback", "phase": "search", **rollback, "seconds": seconds})


def _is_done(event: Event, epoch: int) -> bool:
    return event["event"] == "epoch" and int(event["epoch"]) <= epoch


def _conclude(search: "StageSearch", run: RunDirectory, observer: Observer) -> Genotype:
    """Say how the search ended, and write the genotype."""
    state = search.state
    if state.stop_reason:
        run.events.append({"event": "stop", "phase": "search", "reason": state.stop_reason})
        observer.note(f"The search stopped after {state.epoch} of {state.epochs} epochs: {state.stop_reason}.")
    genotype = search.select()
    for kind, cell in genotype.cells:
        if not cell.is_connected:
            observer.note(
                f"The {kind} cell found lets nothing of its input through; search longer or with another seed."
            )
    run.write("genotype.json", genotype.to_json())
    observer.end("search")
    return genotype


def cosine(epoch: int, epochs: int, start: float, end: float) -> float:
    """Cosine from `start` at epoch 0 towards `end`: end + (start - end) * (1 + cos(pi * epoch / epochs)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * epoch / epochs)) / 2


def stage_spans(shares: Sequence[float], epochs: int) -> list[tuple[int, int]]:
    """First and last epoch (excluded) of every stage, each at least one epoch long.

    >>> stage_spans([1 / 3, 1 / 3, 1 / 3], 75)
    [(0, 25), (25, 50), (50, 75)]

    Raises:
        SettingsError: there are fewer epochs than stages.
    """
    count = len(shares)
    if epochs < count:
        raise SettingsError(
            f"this method searches in {count} stages and needs as many epochs at least, not {epochs}; raise "
            "search.epochs."
        )
    ends = [0]
    for number in range(count):
        wanted = round(epochs * math.fsum(shares[: number + 1]))
        ends.append(min(max(wanted, ends[-1] + 1), epochs - (count - 1 - number)))
    return list(pairwise(ends))


class StageSearch:
    """One stage of a search: a supernet, its alphas, and what moves them.

    Args:
        problem: what is searched.
        recipe: of the stage.
        settings: learning rates and the like.
        number: of the stage.
        span: its first and last epoch, the last excluded.
        length: of the whole search.
        seed: root of every random stream.
        live: operations of every edge.
    """

    def __init__(
        self,
        problem: SearchProblem,
        recipe: Recipe,
        settings: SearchSettings,
        number: int,
        span: tuple[int, int],
        length: SearchLength,
        seed: int,
        live: Live,
    ) -> None:
        self.recipe, self.number = recipe, number
        self.problem, self.settings, self._seed = problem, settings, seed
        self.batches: SearchBatches = problem.make_batches(recipe.images)
        available = len(self.batches.weights)
        self.num_steps = available if length.steps is None else min(available, length.steps)
        self.state = self._start(span, length.epochs, live)

    def _start(self, span: tuple[int, int], epochs: int, live: Live) -> SearchState:
        problem, recipe, settings = self.problem, self.recipe, self.settings
        supernet = problem.make_supernet(SupernetRequest(self.number, recipe.mixing, live, recipe.deeper))
        architecture = Architecture.of(recipe, problem.space, live, problem.device)
        generator = make_generator(self._seed, "search", "alpha", self.number)
        alphas = {
            name: alpha.to(problem.device).requires_grad_()
            for name, alpha in architecture.initial_alphas(generator).items()
        }
        hypernetwork = None
        if recipe.hypernetwork:
            drawn_by = make_generator(self._seed, "search", "hypernetwork", self.number)
            hypernetwork = attach_hypernetwork(recipe.hypernetwork, supernet, architecture, drawn_by)
        weight_optimizer = torch.optim.SGD(
            learned_weights(supernet, hypernetwork).values(),
            lr=settings.weight_lr,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        alpha_optimizer = recipe.update.optimizer(alphas, architecture.cells) if recipe.update else None
        for group in alpha_optimizer.param_groups if alpha_optimizer else ():
            group["lr"] *= settings.alpha_lr_factor
        return SearchState(
            supernet,
            architecture,
            alphas,
            weight_optimizer,
            alpha_optimizer,
            epochs,
            span,
            live,
            hypernetwork,
            stage=self.number,
            epoch=span[0],
        )

    def run_epoch(self, observer: Observer) -> Event:
        """Take the steps of an epoch, score the supernet, and count the epoch as done.

        Returns:
            The event of the epoch.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite.
        """
        started, state = time.perf_counter(), self.state
        lr = self._learning_rate()
        for group in state.weight_optimizer.param_groups:
            group["lr"] = lr
        state.architecture = state.architecture.at(state.temperature, state.auxiliary_gate)
        state.figures, state.problem = {}, None
        steps = self.make_steps()
        state.supernet.train()
        batches = self.batches.weights.epoch(self._generator("weight-batches"))
        for batch in islice(batches, self.num_steps):
            steps(batch)
            observer.step()
        losses = self._read(steps)
        state.write_generated()
        gates = self.mean_gates(state.alphas)
        validation_loss, validation_accuracy = self.validate(gates) or (None, None)
        state.epoch += 1
        state.genotype, state.validation_accuracy = self._select(gates), validation_accuracy
        return {
            "event": "epoch",
            "phase": "search",
            "epoch": state.epoch,
            "epochs": state.epochs,
            "stage": state.stage,
            "seconds": time.perf_counter() - started,
            **losses,
            "validation_loss": validation_loss,
            "validation_accuracy": validation_accuracy,
            "learning_rate": lr,
            "gates": {kind: gates[kind].tolist() for kind in self.problem.space.cell_kinds},
            "genotype": state.genotype.to_json(),
            "operations": list(self.problem.space.ops),
            "operation_counts": state.genotype.operation_counts,
        }

    def select(self) -> Genotype:
        """The genotype that the selection chooses."""
        return self._select(self.mean_gates(self._final_alphas))

    def pruned(self, stage: Stage) -> Live:
        """The operations that the stage at hand leaves to the next."""
        if stage.pruning is None:
            return self.state.live
        return stage.pruning(self.mean_gates(self._final_alphas), self.state.architecture.cells)

    @torch.no_grad()
    def mean_gates(self, alphas: dict[str, Tensor]) -> dict[str, Tensor]:
        """Deterministic gates by name, on the CPU."""
        on_device = {name: alpha.to(self.problem.device) for name, alpha in alphas.items()}
        return {name: gate.cpu() for name, gate in self.state.architecture.mean_gates(on_device).items()}

    @torch.no_grad()
    def validate(self, gates: dict[str, Tensor]) -> tuple[float, float] | None:
        """Mean loss and accuracy of the supernet on the validation images, or None without any."""
        meter = Meter(self.problem.device)
        on_device = {name: gate.to(self.problem.device) for name, gate in gates.items()}
        for batch in self.batches.validation.in_order():
            logits = self.state.supernet(batch.images, on_device)
            meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
        return meter.read()

    @property
    def _final_alphas(self) -> dict[str, Tensor]:
        return self.state.final_alphas or self.state.alphas

    def _select(self, gates: dict[str, Tensor]) -> Genotype:
        generator = make_generator(self._seed, "search", "selection")
        return self.recipe.selection(self.problem.space, gates, generator)

    def make_steps(self) -> Steps:
        """The steps of the epoch at hand."""
        streams = Streams(self._generator, self.batches.alphas.forever, self.batches.weights.forever)
        return Steps(self.recipe, self.settings, self.state, streams, self.problem.device)

    def _generator(self, purpose: str) -> torch.Generator:
        return make_generator(self._seed, "search", purpose, self.state.epoch)

    def _learning_rate(self) -> float:
        state, settings = self.state, self.settings
        first, last = state.span if self.recipe.restarts_rate else (0, state.epochs)
        return cosine(state.epoch - first, last - first, settings.weight_lr, settings.weight_lr_min)

    def _read(self, steps: Steps) -> dict[str, float | None]:
        """What the meters say, for the event of the epoch."""
        weight_loss, weight_accuracy = steps.weight_meter.read() or (None, None)
        alpha_loss, _ = steps.alpha_meter.read() or (None, None)
        for name, loss in (("weight", weight_loss), ("alpha", alpha_loss)):
            if loss is not None and not math.isfinite(loss):
                raise NonFiniteLossError(
                    f"the {name} loss is {loss} in search epoch {self.state.epoch + 1}; lower search.weight_lr (now "
                    f"{self.settings.weight_lr}) or set search.grad_clip."
                )
        return {"weight_loss": weight_loss, "weight_accuracy": weight_accuracy, "alpha_loss": alpha_loss}
