"""The one loop that runs every search: rules, alpha step, weight step, rules, record, checkpoint."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.errors import NonFiniteLossError
from dartboard.runs import Event, Meter, Observer, RunDirectory, equal_steps, make_generator
from dartboard.search.gradient import Bilevel, Loss, SgdStep, Tensors, differentiate
from dartboard.search.recipe import Recipe
from dartboard.search.settings import SearchSettings
from dartboard.search.state import SearchState
from dartboard.space import Genotype, SearchSpace

__all__ = ["SearchLength", "SearchProblem", "cosine", "run_search"]


class SearchLength(NamedTuple):
    """How long a search lasts.

    Attributes:
        epochs: epochs in all; the learning rate's cosine spans them.
        steps: alpha and weight steps of an epoch; an epoch ends earlier when its images do.
    """

    epochs: int
    steps: int


@dataclass(frozen=True)
class SearchProblem:
    """What a search works on.

    Attributes:
        space: the search space.
        supernet: called as supernet(images, gates), on `device`; its parameters are the weights.
        weight_batches: batches for the weights.
        alpha_batches: batches for alpha, from other images.
        validation_batches: the images on which the supernet is scored after every epoch.
        device: where everything runs.
    """

    space: SearchSpace
    supernet: nn.Module
    weight_batches: Batches
    alpha_batches: Batches
    validation_batches: Batches
    device: torch.device


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
        problem: space, supernet and batches.
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
    """
    state = _start(problem, recipe, settings, length.epochs, seed)
    saved = run.load_checkpoint("search", "search")
    if saved:
        with run.restoring("search"):
            state.load_state_dict(saved)
    run.events.keep(
        lambda event: event["phase"] != "search" or (event["event"] == "epoch" and event["epoch"] <= state.epoch)
    )
    observer.begin("search", epochs=length.epochs, steps=length.steps, done=state.epoch)
    with equal_steps():
        while state.epoch < length.epochs and not state.stop_reason:
            for rule in recipe.rules:
                rule.before_epoch(state)
            if state.stop_reason:
                break
            event = _run_epoch(problem, recipe, settings, state, length.steps, seed, observer)
            state.epoch += 1
            for rule in recipe.rules:
                rule.after_epoch(state)
            run.events.append(event)
            run.save_checkpoint("search", "search", state.state_dict())
            observer.epoch(event)
    if state.stop_reason:
        run.events.append({"event": "stop", "phase": "search", "reason": state.stop_reason})
        observer.note(f"The search stopped after {state.epoch} of {length.epochs} epochs: {state.stop_reason}.")
    genotype = _select(problem, recipe, state, make_generator(seed, "search", "selection"))
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


def _start(problem: SearchProblem, recipe: Recipe, settings: SearchSettings, epochs: int, seed: int) -> SearchState:
    generator = make_generator(seed, "search", "alpha")
    alphas = {
        kind: recipe.relaxation.initial_alpha(problem.space.alpha_shape, generator).to(problem.device).requires_grad_()
        for kind in problem.space.cell_kinds
    }
    weight_optimizer = torch.optim.SGD(
        problem.supernet.parameters(),
        lr=settings.weight_lr,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    alpha_optimizer = recipe.update.optimizer(alphas.values()) if recipe.update else None
    for group in alpha_optimizer.param_groups if alpha_optimizer else ():
        group["lr"] *= settings.alpha_lr_factor
    return SearchState(problem.supernet, alphas, weight_optimizer, alpha_optimizer, epochs)


def _run_epoch(
    problem: SearchProblem,
    recipe: Recipe,
    settings: SearchSettings,
    state: SearchState,
    steps: int,
    seed: int,
    observer: Observer,
) -> Event:
    started = time.perf_counter()
    lr = cosine(state.epoch, state.epochs, settings.weight_lr, settings.weight_lr_min)
    for group in state.weight_optimizer.param_groups:
        group["lr"] = lr
    step = _Step(problem, recipe, settings, state, make_generator(seed, "search", "gates", state.epoch))
    alpha_stream = problem.alpha_batches.forever(make_generator(seed, "search", "alpha-batches", state.epoch))
    state.supernet.train()
    batches = problem.weight_batches.epoch(make_generator(seed, "search", "weight-batches", state.epoch))
    for batch in islice(batches, steps):
        step.alpha(batch, alpha_stream)
        step.weights(batch)
        observer.step()
    weight_loss, weight_accuracy = step.weight_meter.read() or (None, None)
    alpha_loss, _ = step.alpha_meter.read() or (None, None)
    for name, loss in (("weight", weight_loss), ("alpha", alpha_loss)):
        if loss is not None and not math.isfinite(loss):
            raise NonFiniteLossError(
                f"the {name} loss is {loss} in search epoch {state.epoch + 1}; lower search.weight_lr (now "
                f"{settings.weight_lr}) or set search.grad_clip."
            )
    gates = _mean_gates(recipe, state)
    validation_loss, validation_accuracy = _validate(problem, gates) or (None, None)
    genotype = _select(problem, recipe, state, make_generator(seed, "search", "selection"))
    return {
        "event": "epoch",
        "phase": "search",
        "epoch": state.epoch + 1,
        "epochs": state.epochs,
        "seconds": time.perf_counter() - started,
        "weight_loss": weight_loss,
        "weight_accuracy": weight_accuracy,
        "alpha_loss": alpha_loss,
        "validation_loss": validation_loss,
        "validation_accuracy": validation_accuracy,
        "learning_rate": lr,
        "gates": {kind: gate.tolist() for kind, gate in gates.items()},
        "genotype": genotype.to_json(),
        "operations": list(problem.space.ops),
        "operation_counts": genotype.operation_counts,
    }


class _Step:
    """The alpha step and the weight step of one epoch, with the figures they leave."""

    def __init__(
        self,
        problem: SearchProblem,
        recipe: Recipe,
        settings: SearchSettings,
        state: SearchState,
        gate_generator: torch.Generator,
    ) -> None:
        self.weight_meter = Meter(problem.device)
        self.alpha_meter = Meter(problem.device)
        self._recipe = recipe
        self._settings = settings
        self._state = state
        self._generator = gate_generator

    def alpha(self, train_batch: Batch, alpha_stream: Iterator[Batch]) -> None:
        """Move alpha by the method's gradient; without one, or while it rests, leave it and draw no batch."""
        if self._recipe.gradient is None or self._state.alpha_optimizer is None or self._state.alpha_rests:
            return
        problem = Bilevel(
            weights=self._state.weights,
            alphas=self._state.alphas,
            train_loss=self._loss(train_batch),
            validation_loss=self._loss(next(alpha_stream), self.alpha_meter),
            weight_step=self._weight_step(),
        )
        for kind, gradient in self._recipe.gradient(problem).items():
            self._state.alphas[kind].grad = gradient
        self._state.alpha_optimizer.step()

    def weights(self, batch: Batch) -> None:
        """Move the weights by one clipped SGD step on the training loss."""
        weights = self._state.weights
        loss = self._loss(batch, self.weight_meter)(weights, self._state.alphas)
        for name, gradient in differentiate(loss, weights).items():
            weights[name].grad = _laid_out_like(weights[name], gradient)
        if self._settings.grad_clip is not None:
            nn.utils.clip_grad_norm_(weights.values(), self._settings.grad_clip, foreach=True)
        self._state.weight_optimizer.step()

    def _loss(self, batch: Batch, meter: Meter | None = None) -> Loss:
        def loss(weights: Tensors, alphas: Tensors) -> Tensor:
            gates = {kind: self._recipe.relaxation.gates(alpha, self._generator) for kind, alpha in alphas.items()}
            supernet = self._state.supernet
            own = weights is self._state.weights
            logits = (
                supernet(batch.images, gates)
                if own
                else functional_call(supernet, dict(weights), (batch.images, gates))
            )
            value = functional.cross_entropy(logits, batch.labels)
            if meter is not None:
                meter.add(value, logits, batch.labels)
            return value

        return loss

    def _weight_step(self) -> SgdStep:
        optimizer = self._state.weight_optimizer
        velocity = {}
        for name, weight in self._state.weights.items():
            buffer = optimizer.state[weight].get("momentum_buffer") if weight in optimizer.state else None
            if buffer is not None:
                velocity[name] = buffer
        group = optimizer.param_groups[0]
        return SgdStep(group["lr"], self._settings.momentum, self._settings.weight_decay, velocity)


def _laid_out_like(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the weight's memory format.

    torch's fused SGD reads both as if they lay alike in memory, without a check; `autograd.grad`, unlike `backward`,
    does not see to it.
    """
    alike = (gradient.is_contiguous() and weight.is_contiguous()) or gradient.stride() == weight.stride()
    return gradient if alike else torch.empty_like(weight).copy_(gradient)


@torch.no_grad()
def _validate(problem: SearchProblem, gates: dict[str, Tensor]) -> tuple[float, float] | None:
    meter = Meter(problem.device)
    on_device = {kind: gate.to(problem.device) for kind, gate in gates.items()}
    for batch in problem.validation_batches.in_order():
        logits = problem.supernet(batch.images, on_device)
        meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
    return meter.read()


@torch.no_grad()
def _mean_gates(recipe: Recipe, state: SearchState) -> dict[str, Tensor]:
    return {kind: recipe.relaxation.mean_gates(alpha).cpu() for kind, alpha in state.alphas.items()}


def _select(problem: SearchProblem, recipe: Recipe, state: SearchState, generator: torch.Generator) -> Genotype:
    return recipe.selection(problem.space, _mean_gates(recipe, state), generator)
