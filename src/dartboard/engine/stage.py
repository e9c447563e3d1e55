"""One stage of a search: a supernet, its alphas, what moves them, and what they leave."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.devices import make_graph
from dartboard.engine.problem import SearchBatches, SearchProblem, SupernetRequest
from dartboard.engine.rates import alpha_rate
from dartboard.engine.recording import RecordedSteps
from dartboard.engine.schedule import cosine, judging_share
from dartboard.engine.settings import SearchSettings
from dartboard.engine.state import SearchState
from dartboard.engine.steps import Steps, move_weights
from dartboard.engine.streams import Streams
from dartboard.errors import NonFiniteLossError
from dartboard.parts.architecture import Architecture, Live, StepGates
from dartboard.parts.hooks import Attaching
from dartboard.parts.hypernetworks import attach_hypernetwork, learned_weights
from dartboard.parts.limits import judged_within
from dartboard.parts.recipe import Recipe, Stage
from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.rules import Rule
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection import Drawing, Judged, Judging, Trained
from dartboard.parts.trials import Trials
from dartboard.runs import Length, Observer, Score, SearchEpoch, make_generator, seeded_initialization, validation_facts
from dartboard.space import Genotype
from dartboard.supernet import ReferenceSupernet, carry_weights

__all__ = ["StageSearch"]


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
        length: Length,
        seed: int,
        live: Live,
    ) -> None:
        self.recipe, self.number = recipe, number
        self.problem, self.settings, self._seed = problem, settings, seed
        self.batches: SearchBatches = problem.make_batches(recipe.images)
        available = len(self.batches.weights)
        self.num_steps = self._own_steps = available if length.steps is None else min(available, length.steps)
        self._has_told = False
        self.state = self._start(span, length.epochs, live)
        self.state.hooks = tuple(part.attach(self) for part in recipe.parts if isinstance(part, Attaching))

    def _start(self, span: tuple[int, int], epochs: int, live: Live) -> SearchState:
        problem, recipe, settings = self.problem, self.recipe, self.settings
        self._request = SupernetRequest(self.number, recipe.mixing, live, recipe.deeper)
        supernet = problem.make_supernet(self._request)
        costs = problem.costs(self._request) if problem.costs else None
        architecture = Architecture.of(recipe, problem.space, live, problem.device, costs)
        drawn = architecture.initial_alphas(make_generator(self._seed, "search", "alpha", self.number))
        if settings.start_at is not None:
            drawn = architecture.lean(drawn, Genotype.from_json(settings.start_at), settings.start_lead)
        alphas = {name: alpha.to(problem.device).requires_grad_() for name, alpha in drawn.items()}
        hypernetwork = None
        if recipe.hypernetwork:
            drawn_by = make_generator(self._seed, "search", "hypernetwork", self.number)
            hypernetwork = attach_hypernetwork(recipe.hypernetwork, supernet, architecture, drawn_by)
        weight_optimizer = self.weight_optimizer(learned_weights(supernet, hypernetwork).values())
        alpha_optimizer = recipe.update.optimizer(alphas, architecture.cells) if recipe.update else None
        self.alpha_rate = alpha_rate(recipe, settings.alpha_lr_factor, span[1] - span[0], self.num_steps)
        for group in alpha_optimizer.param_groups if alpha_optimizer else ():
            group["lr"] = self.alpha_rate.rate if self.alpha_rate else group["lr"]
        return SearchState(
            supernet,
            architecture,
            alphas,
            weight_optimizer,
            alpha_optimizer,
            epochs,
            span,
            live,
            Scorer(supernet, self.batches.validation, problem.device, self.batches.weights),
            Trials(supernet, self.batches.for_decisions, problem.device),
            hypernetwork,
            update=recipe.update,
            seed=self._seed,
            stage=self.number,
            epoch=span[0],
            steps=self.num_steps,
        )

    @property
    def device(self) -> torch.device:
        """Where everything runs."""
        return self.problem.device

    @property
    def supernet(self) -> nn.Module:
        """Of the stage."""
        return self.state.supernet

    @property
    def alpha_rests(self) -> bool:
        """Whether the epoch at hand leaves alpha as it is."""
        return self.state.plan.alpha_rests

    @property
    def alpha_steps(self) -> int:
        """Steps of alpha that are planned for the stage."""
        return self.alpha_rate.steps if self.alpha_rate else 0

    @property
    def cells(self) -> Mapping[str, RelaxedCell]:
        """The cells by kind, with the operations of every edge."""
        return self.state.architecture.cells

    @property
    def operation_weights(self) -> Mapping[tuple[int, int, str], tuple[str, ...]]:
        """The names of the weights of every candidate operation that learns its own."""
        supernet = self.state.supernet
        if not isinstance(supernet, ReferenceSupernet):
            return {}
        own = {each: tuple(filter(self.state.weights.__contains__, names)) for each, names in supernet.named_by_op()}
        return {each: names for each, names in own.items() if names}

    def expected_gates(self, alphas: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The deterministic gates of these alphas by name, on the device."""
        return self.state.architecture.mean_gates(alphas)

    def further_supernet(self, deeper: int) -> nn.Module:
        """A further supernet like that of the stage, with `deeper` more cells in every group between reductions."""
        return self.problem.make_supernet(self._request._replace(deeper=self._request.deeper + deeper))

    def initializing(self, purpose: str) -> AbstractContextManager[None]:
        """A context in which modules draw their initial weights from the stage's own stream for a purpose."""
        return seeded_initialization(self._seed, "search", purpose, self.number)

    def found(self) -> StepGates:
        """The gates and active operations of the architecture that the selection would choose now."""
        return self.state.architecture.of_genotype(self._select(self.mean_gates(self.state.alphas)))

    def training_batches(self, purpose: str) -> Iterator[Batch]:
        """As many training batches as this epoch has steps, in an order of their own."""
        return islice(self.batches.weights.epoch(self.state.generator(purpose)), self.num_steps)

    def move_weights(
        self,
        weights: Mapping[str, nn.Parameter],
        optimizer: torch.optim.SGD,
        gradients: Mapping[str, Tensor | None],
    ) -> None:
        """A clipped step of an optimiser of `weight_optimizer`; weights without a gradient rest."""
        move_weights(weights, optimizer, gradients, self.settings.grad_clip)

    def weight_optimizer(self, weights: Iterable[nn.Parameter]) -> torch.optim.SGD:
        """An optimiser of weights by the settings, at the rate of a first epoch."""
        settings = self.settings
        return torch.optim.SGD(
            weights, lr=settings.weight_lr, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=True
        )

    def plan_steps(self, epochs: Sequence[SearchEpoch], watched: float = 0.0) -> None:
        """Set the number of steps of the next epoch: what was asked for, or what `settings.seconds` leaves time for.

        Trials for decisions have time of their own, and do not shorten the learning between them. An epoch has more
        steps where rules need them.

        Args:
            epochs: the events of the epochs so far; the last one tells what a step takes.
            watched: seconds that watches have taken.
        """
        if self.settings.seconds is not None and epochs:
            spent = watched + math.fsum(event.seconds - event.deciding_seconds for event in epochs)
            seconds = self.settings.seconds - (self._judging_seconds or 0.0)
            part = (seconds - spent) / (self.state.epochs - self.state.epoch)
            learning = max(epochs[-1].seconds - epochs[-1].deciding_seconds, 1e-9)
            fitting = math.floor(part / learning * epochs[-1].steps)
            self._own_steps = max(1, min(fitting, len(self.batches.weights)))
        self.state.steps = self._own_steps
        least = max((rule.least_steps(self.state) for rule in self.recipe.rules), default=0)
        self.num_steps = self.state.steps = max(self._own_steps, least)

    def run_epoch(self, observer: Observer) -> SearchEpoch:
        """Take the steps of an epoch, score the supernet, and count the epoch as done.

        Returns:
            The event of the epoch.

        Raises:
            NonFiniteLossError: a loss became NaN or infinite.
        """
        started, state = time.perf_counter(), self.state
        lr = self.learning_rate(self.recipe.weight_lr_factor * self.settings.weight_lr)
        for group in state.weight_optimizer.param_groups:
            group["lr"] = lr
        state.figures, state.problem = {}, None
        steps = self.make_steps()
        state.supernet.train()
        for hook in state.hooks:
            hook.before_steps()
        own, take = self._epoch_batches().weights, self._recorded(steps)
        drawn = (own.epoch if self.num_steps <= len(own) else own.forever)(state.generator("weight-batches"))
        for number, batch in enumerate(islice(drawn, self.num_steps)):
            if number and state.plan_step(self.recipe.rules, number):
                take = self._recorded(steps)
            take(batch)
            observer.step()
        if self.recipe.gradient is None and any(self._needs_problem(rule) for rule in self.recipe.rules):
            steps.make_problem()
        if isinstance(take, RecordedSteps):
            self._tell_obstacle(take.obstacle, observer)
        for rule in self.recipe.rules:
            state.take(rule.after_steps(state, self.num_steps))
        losses = self._read(steps)
        state.figures |= steps.figures
        state.write_generated()
        gates = self.mean_gates(state.alphas)
        score = self.validate(gates)
        state.epoch += 1
        state.genotype, state.validation_accuracy = self._select(gates), score.accuracy if score else None
        return SearchEpoch(
            epoch=state.epoch,
            epochs=state.epochs,
            stage=state.stage,
            steps=self.num_steps,
            seconds=time.perf_counter() - started,
            **losses,
            **validation_facts(score),
            learning_rate=lr,
            gates={kind: gates[kind].tolist() for kind in self.problem.space.cell_kinds},
            genotype=state.genotype.to_json(),
            operations=tuple(self.problem.space.ops),
            operation_counts=state.genotype.operation_counts,
        )

    def judge(self, note: Callable[[str], None]) -> Judged:
        """The architecture that the selection chooses in the end."""
        judged, limit = self._judge(note), self.problem.limit
        if limit is None:
            return judged
        generator = make_generator(self._seed, "search", "limits")
        return judged_within(judged, limit, self.problem.space, self.final_gates, self.recipe.selection, generator)

    def _judge(self, note: Callable[[str], None]) -> Judged:
        gates, selection = self.final_gates, self.recipe.selection
        if isinstance(selection, Drawing):
            genotype, before = selection.draw(self.problem.space, make_generator(self._seed, "search", "selection"))
            return Judged(genotype, {"drawn_in_vain": before} if before else {})
        if not isinstance(selection, Judging):
            return Judged(self._select(gates), {})
        state, generator = self.state, make_generator(self._seed, "search", "judging")
        steps = state.epoch * self.num_steps
        return selection.judge(
            Trained(
                self.problem.space,
                state.architecture,
                self._final_alphas,
                gates,
                state.score,
                steps,
                generator,
                note,
                self._judging_seconds,
                self.problem.limit.admits if self.problem.limit else None,
            )
        )

    @property
    def _judging_seconds(self) -> float | None:
        """Seconds that the selection may take in the end; None where the time is not limited."""
        if self.settings.seconds is None:
            return None
        return judging_share(self.recipe) * self.settings.seconds

    def take_over(self, before: "StageSearch", *, momentum: bool) -> None:
        """Start from weights, alphas and decisions of the stage before, and from its momentum if `momentum` is set."""
        old, new = before.state, self.state

        def carried(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return carry_weights(source, target, make_generator(self._seed, "search", "carry", self.number))

        new.supernet.load_state_dict(carried(old.supernet.state_dict(), new.supernet.state_dict()))
        with torch.no_grad():
            for name, alpha in new.alphas.items():
                alpha.copy_(before._final_alphas[name])
        new.follow(replace(new.plan, decisions=copy.deepcopy(old.plan.decisions), left=old.plan.left))
        if momentum:
            kept = {
                name: old.weight_optimizer.state[weight]["momentum_buffer"]
                for name, weight in old.weights.items()
                if old.weight_optimizer.state.get(weight, {}).get("momentum_buffer") is not None
            }
            zeros = {name: torch.zeros_like(weight) for name, weight in new.weights.items()}
            for name, buffer in carried(kept, zeros).items():
                new.weight_optimizer.state[new.weights[name]]["momentum_buffer"] = buffer
            if new.alpha_optimizer and old.alpha_optimizer:
                own = [group["lr"] for group in new.alpha_optimizer.param_groups]
                new.alpha_optimizer.load_state_dict(old.alpha_optimizer.state_dict())
                for group, rate in zip(new.alpha_optimizer.param_groups, own, strict=True):
                    group["lr"] = rate

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

    def validate(self, gates: dict[str, Tensor]) -> Score | None:
        """The supernet on the validation images, or None without any."""
        return self.state.score_mixture(gates)

    @property
    def final_gates(self) -> dict[str, Tensor]:
        """The deterministic gates by name that the selection looks at in the end, on the CPU."""
        return self.mean_gates(self._final_alphas)

    @property
    def _final_alphas(self) -> dict[str, Tensor]:
        return self.state.final_alphas or self.state.alphas

    def _select(self, gates: dict[str, Tensor]) -> Genotype:
        generator = make_generator(self._seed, "search", "selection")
        return self.recipe.selection(self.problem.space, gates, generator)

    def make_steps(self, purpose: str = "") -> Steps:
        """The steps of the epoch at hand; with a purpose they draw from streams of their own."""
        own = self._epoch_batches()
        streams = Streams(lambda name: self.state.generator(purpose + name), own.alphas.forever, own.weights.forever)
        return Steps(self.recipe, self.settings, self.state, streams, self.problem.device)

    def _needs_problem(self, rule: Rule) -> bool:
        return rule.needs_problem and self.recipe.relaxation.has_slopes

    def _recorded(self, steps: Steps) -> Steps | RecordedSteps:
        """The steps as they are run: one by one, or from a recording."""
        steps.streams.count_anew()
        graph = make_graph(self.problem.device) if self.settings.cuda_graph else None
        return steps if graph is None else RecordedSteps(steps, graph)

    def _tell_obstacle(self, obstacle: str, observer: Observer) -> None:
        """Say once of a stage why its steps are not recorded."""
        if obstacle and not self._has_told:
            self._has_told = True
            observer.note(f"Steps of the search are launched one by one, without a CUDA graph: {obstacle.rstrip('.')}.")

    def _epoch_batches(self) -> SearchBatches:
        """The batches, enlarged as rules have asked."""
        more, batches = self.state.plan.extra_images, self.batches
        if not more:
            return batches
        return batches._replace(weights=batches.weights.enlarged(more), alphas=batches.alphas.enlarged(more))

    def learning_rate(self, start: float) -> float:
        """The rate of the epoch at hand, on the cosine of the weights from `start` down."""
        state, settings = self.state, self.settings
        first, last = state.span if self.recipe.restarts_rate else (0, state.epochs)
        rising = round(settings.weight_lr_warmup * state.epochs)
        if state.epoch < rising:
            return start * (state.epoch + 1) / rising
        # A rate that begins at its floor or below would stay where it is.
        end = settings.weight_lr_min if start > settings.weight_lr_min else 0.0
        return cosine(state.epoch - first, last - first, start, end)

    def _read(self, steps: Steps) -> dict[str, Any]:
        """The losses and accuracies of the epoch, for its event."""
        weight_loss, weight_accuracy = steps.weight_meter.read() or (None, None)
        alpha_loss, _ = steps.alpha_meter.read() or (None, None)
        for name, loss in (("weight", weight_loss), ("alpha", alpha_loss)):
            if loss is not None and not math.isfinite(loss):
                raise NonFiniteLossError(
                    f"the {name} loss is {loss} in search epoch {self.state.epoch + 1}; lower search.weight_lr (now "
                    f"{self.settings.weight_lr}) or set search.grad_clip."
                )
        return {"weight_loss": weight_loss, "weight_accuracy": weight_accuracy, "alpha_loss": alpha_loss}
