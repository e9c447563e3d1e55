"""The steps of an epoch: alpha and weights in turn, or both at once."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.data import Batch
from dartboard.devices.sending import send
from dartboard.engine.settings import SearchSettings
from dartboard.engine.state import SearchState
from dartboard.engine.streams import Streams
from dartboard.parts.architecture import StepGates
from dartboard.parts.companions import Tapped
from dartboard.parts.dropping import SeenBatch
from dartboard.parts.gradient import (
    Bilevel,
    Gradient,
    Loss,
    OutputLoss,
    SgdStep,
    Tensors,
    Trial,
    differentiate_both,
    differentiate_reached,
)
from dartboard.parts.penalties import Joining, JoiningGradient, JoiningWeights, WeightStep
from dartboard.parts.recipe import ONE_BATCH, Recipe
from dartboard.runs import Meter, Replayed, StepMeans
from dartboard.space.ops import RandomOp
from dartboard.supernet import OutsideWeights, ReferenceSupernet

__all__ = ["Steps", "move_weights"]


class Steps:
    """The steps of one epoch, with the figures they leave.

    Args:
        recipe: of the stage.
        settings: learning rates and the like.
        state: what moves.
        streams: random numbers and batches.
        device: where everything runs.
    """

    def __init__(
        self, recipe: Recipe, settings: SearchSettings, state: SearchState, streams: Streams, device: torch.device
    ) -> None:
        self.streams = streams
        self.weight_meter = Meter(device)
        self.alpha_meter = Meter(device)
        self.means = StepMeans(device)
        self._recipe = recipe
        self._settings = settings
        self._state = state
        self._taken = 0
        self._drawn: StepGates | None = None
        self._draws = any(isinstance(module, RandomOp) for module in state.supernet.modules())

    def __call__(self, batch: Batch) -> None:
        """One step of alpha, unless it rests, and one of the weights."""
        plan = self._state.plan
        learns = self._recipe.gradient is not None and not plan.alpha_rests and self._taken % plan.alpha_every == 0
        self._taken += 1
        seen = self._seen(batch)
        if learns and self._recipe.images in ONE_BATCH:
            self._both(seen)
            return
        if learns:
            self._alpha(seen)
        self._weights(seen)

    @property
    def figures(self) -> dict[str, float]:
        """Numbers of the steps by name, from penalties on the weights and from hooks; reading them waits."""
        return {
            **self.means.read(),
            **{name: each for hook in self._state.hooks for name, each in hook.figures().items()},
        }

    @property
    def are_alike(self) -> bool:
        """Whether all steps of the epoch do the same, apart from what they draw."""
        if any(hook.acts_on_weights for hook in self._state.hooks):
            return False
        return self._state.plan.alpha_rests or self._state.plan.alpha_every == 1

    def _seen(self, batch: Batch) -> SeenBatch:
        seen = self._state.plan.dropping(batch, self._state.architecture.cells, self.streams.dropping)
        if not self._draws:
            return seen
        return seen._replace(noise_seed=int(torch.randint(2**62, (), generator=self.streams.noise)))

    def _alpha(self, train_batch: SeenBatch) -> None:
        """Move alpha by the method's gradient, or by the one that a hook gives instead."""
        assert self._recipe.gradient is not None
        self._drawn = None
        own = self._seen(next(self.streams.alphas))
        problem = self._problem(train_batch, own)
        gradient: Gradient = self._recipe.gradient
        for hook in self._state.hooks:
            gradient = partial(hook.alpha_gradient, otherwise=gradient)
        self._move_alphas(gradient(problem))

    def gradient_on(self, train_batch: Batch, own: Batch) -> dict[str, Tensor]:
        """The method's own gradient of alpha on two batches, by the names of the alphas; nothing moves.

        Args:
            train_batch: of the images of the weights.
            own: of the images of alpha; ignored where alpha and weights learn from the same batch.
        """
        assert self._recipe.gradient is not None
        training, last = self._seen(train_batch), self._state.problem
        if self._recipe.images == "same-batch":
            weights, alphas = self._state.weights, self._state.alphas
            loss = self._penalized(self._loss(training, of_alpha=True))(weights, alphas)
            return differentiate_both(loss, weights, alphas)[1]
        problem = self._problem(training, self._seen(own))
        self._state.problem = last
        return self._recipe.gradient(replace(problem, records=copy.deepcopy(problem.records)))

    def _weights(self, batch: SeenBatch) -> None:
        """Move the weights by one clipped SGD step on the training loss."""
        weights, alphas = self._state.weights, self._noisy(self._state.alphas)
        for penalty in self._recipe.weight_penalties:
            if isinstance(penalty, JoiningGradient):
                gradients, figures = penalty.weight_gradients(self._weight_step_on(batch))
                self.means.add(figures)
                self._move_weights(gradients)
                return
        if self._recipe.perturbation is None:
            loss = self._loss(batch, self.weight_meter)(weights, alphas)
        else:
            made = self._state.supernet_weights(weights, alphas)
            loss = self._loss_at(batch, self._perturbed(batch), made, self.weight_meter)
        # Weights that were not run rest: neither momentum nor decay moves them.
        self._move_weights(differentiate_reached(self._joined(loss, self.means), weights))

    def _weight_step_on(self, batch: SeenBatch) -> WeightStep:
        """The weight step for a penalty that joins its gradient; the first loss that it asks for is recorded."""
        state = self._state
        drawn = state.architecture.draw(state.alphas, self.streams.gates, of_alpha=False)
        meters, supernet = [self.weight_meter], state.supernet

        def loss(gates: Tensors) -> Tensor:
            first = meters.pop() if meters else None
            value = self._loss_at(batch, drawn._replace(gates=dict(gates)), state.weights, first)
            return self._joined(value, self.means if first else None)

        return WeightStep(
            state.weights,
            {name: gate.detach() for name, gate in drawn.gates.items()},
            loss,
            supernet.spec.cell_counts if isinstance(supernet, ReferenceSupernet) else {},
            state.stage_epoch,
            state.stage_epochs,
        )

    def _joined(self, loss: Tensor, means: StepMeans | None = None) -> Tensor:
        """The loss of the weights with its penalties, whose figures join the means."""
        for penalty in self._recipe.weight_penalties:
            if isinstance(penalty, JoiningWeights):
                if means is not None:
                    means.add(penalty.figures(loss))
                loss = penalty.join_weights(loss)
        return loss

    def _train_loss(self, batch: SeenBatch) -> Loss:
        """The loss that virtual steps of the weights go down."""
        plain = self._loss(batch)
        return lambda weights, alphas: self._joined(plain(weights, alphas))

    def _noisy(self, alphas: Tensors) -> Tensors:
        """Alphas with the noise that the hypernetwork wants for a step of its weights."""
        hypernetwork = self._recipe.hypernetwork
        if hypernetwork is None or not hypernetwork.alpha_noise:
            return alphas
        kinds, generator = self._state.architecture.cells, self.streams.perturbation
        noise = {kind: torch.randn(alphas[kind].shape, generator=generator) for kind in kinds}
        moved = {
            kind: alphas[kind].detach() + hypernetwork.alpha_noise * send(drawn, alphas[kind].device)
            for kind, drawn in noise.items()
        }
        return {**alphas, **moved}

    def _both(self, batch: SeenBatch) -> None:
        """Move alpha and weights by one backward pass."""
        weights, alphas = self._state.weights, self._state.alphas
        self._drawn = None
        loss = self._penalized(self._loss(batch, self.weight_meter, of_alpha=True))
        at_weights, at_alphas = differentiate_both(loss(weights, alphas), weights, alphas)
        self._problem(batch, batch)
        self._move_alphas(at_alphas)
        self._move_weights(at_weights)

    def _problem(self, train_batch: SeenBatch, own: SeenBatch) -> Bilevel:
        problem = Bilevel(
            weights=self._state.weights,
            alphas=self._state.alphas,
            train_loss=self._train_loss(train_batch),
            validation_loss=self._penalized(self._loss(own, self.alpha_meter, of_alpha=True)),
            next_train_loss=lambda: self._train_loss(self._seen(next(self.streams.further))),
            weight_step=self._weight_step(),
            next_trial=lambda: self._trial(own),
            tapped_loss=lambda of_outputs: self._penalized(self._tapped_loss(own, of_outputs)),
            mean_loss=self._mean_loss(own),
            records=self._state.records,
        )
        self._state.problem = problem
        return problem

    def make_problem(self) -> None:
        """Leave the problem of a further alpha batch, for rules that need one where alpha takes no steps."""
        own = self._seen(next(self.streams.alphas))
        self._problem(own, own)

    def _mean_loss(self, batch: SeenBatch) -> Loss:
        """The cross-entropy on a batch at the deterministic gates, with weights that do not depend on alpha."""
        state = self._state

        def loss(weights: Tensors, alphas: Tensors) -> Tensor:
            with torch.no_grad():
                made = state.supernet_weights(weights, alphas)
            architecture = state.architecture
            return self._loss_at(batch, StepGates(architecture.mean_gates(alphas), architecture.active), made)

        return loss

    def _loss(self, batch: SeenBatch, meter: Meter | None = None, *, of_alpha: bool = False) -> Loss:
        """The loss on a batch, with the same draw in every call; that of alpha leaves out what alpha must not see."""
        state, hypernetwork = self._state, self._recipe.hypernetwork
        hides_gates = of_alpha and hypernetwork is not None and not hypernetwork.direct_gradient
        draws = Replayed(self.streams.gates)  # the difference of losses at two places must not be that of two draws

        def loss(weights: Tensors, alphas: Tensors) -> Tensor:
            seen = alphas
            if hides_gates:
                seen = {**alphas, **{kind: alphas[kind].detach() for kind in state.architecture.cells}}
            drawn = state.architecture.draw(seen, draws(), of_alpha=of_alpha)
            if of_alpha:
                self._drawn = drawn
            return self._loss_at(batch, drawn, state.supernet_weights(weights, alphas), meter)

        return loss

    def _tapped_loss(self, batch: SeenBatch, of_outputs: OutputLoss) -> Loss:
        """Another loss of alpha on a batch, of logits and maps from within the supernet with its own weights."""
        supernet: Tapped = self._state.supernet  # type: ignore[assignment]

        def loss(_weights: Tensors, alphas: Tensors) -> Tensor:
            self._drawn = drawn = self._state.architecture.draw(alphas, self.streams.gates, of_alpha=True)
            searched = supernet.tapped(
                batch.images, batch.gated(drawn.gates), drawn.active, batch.values, batch.noise_seed or 0
            )
            self.alpha_meter.add(functional.cross_entropy(searched[0], batch.labels), searched[0], batch.labels)
            return of_outputs(batch.images, batch.labels, searched)

        return loss

    def _loss_at(self, batch: SeenBatch, drawn: StepGates, weights: Tensors, meter: Meter | None = None) -> Tensor:
        logits = self._logits(batch, drawn, weights)
        value = functional.cross_entropy(logits, batch.labels)
        if meter is not None:
            meter.add(value, logits, batch.labels)
        return value

    def _logits(self, batch: SeenBatch, drawn: StepGates, weights: Tensors) -> Tensor:
        supernet, options = self._state.supernet, batch.options
        if drawn.active is not None:
            options["active"] = drawn.active
        own, given = weights is self._state.weights, (batch.images, batch.gated(drawn.gates))
        logits: Tensor = supernet(*given, **options) if own else self._outside(weights, *given, **options)
        return logits

    @cached_property
    def _outside(self) -> OutsideWeights:
        return OutsideWeights(self._state.supernet)

    def _trial(self, batch: SeenBatch) -> Trial:
        """Draw an architecture as the weights do, and try it."""
        state = self._state
        architecture = state.architecture
        drawn = architecture.draw(state.alphas, self.streams.gates, of_alpha=False)
        assert drawn.active is not None
        with torch.no_grad():
            logits = self._logits(batch, drawn, state.supernet_weights(state.weights, state.alphas))
            self.alpha_meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
        accuracy = (logits.argmax(dim=1) == batch.labels).float().mean()
        log_probability = architecture.log_probability(state.alphas, drawn.active)
        return Trial(log_probability, accuracy, lambda: architecture.cost(drawn.gates))

    def _penalized(self, loss: Loss) -> Loss:
        """The loss with the recipe's penalties."""
        if not self._recipe.penalties:
            return loss
        state = self._state

        def penalized(weights: Tensors, alphas: Tensors) -> Tensor:
            value = loss(weights, alphas)
            for penalty in self._recipe.penalties:
                if isinstance(penalty, Joining):
                    value = penalty.join(value, alphas, state.architecture)
                else:
                    value = value + penalty(alphas, state.architecture.cells, state.progress)
            return value

        return penalized

    def _perturbed(self, batch: SeenBatch) -> StepGates:
        assert self._recipe.perturbation is not None
        state = self._state
        with torch.no_grad():
            weights = state.supernet_weights(state.weights, state.alphas)
        active = state.architecture.active
        gates = self._recipe.perturbation(
            state.architecture,
            state.alphas,
            lambda gates: self._loss_at(batch, StepGates(dict(gates), active), weights),
            state.progress,
            self.streams.perturbation,
        )
        return StepGates(gates, active)

    def _weight_step(self) -> SgdStep:
        optimizer = self._state.weight_optimizer
        velocity = {}
        for name, weight in self._state.weights.items():
            buffer = optimizer.state[weight].get("momentum_buffer") if weight in optimizer.state else None
            if buffer is not None:
                velocity[name] = buffer
        group = optimizer.param_groups[0]
        return SgdStep(group["lr"], group["momentum"], group["weight_decay"], velocity)

    def _move_alphas(self, gradients: Tensors) -> None:
        """Move alpha, and let the relaxation correct the result."""
        for hook in self._state.hooks:
            pulls = hook.alpha_pull(self._state.alphas)
            gradients = {name: own + pulls[name] if name in pulls else own for name, own in gradients.items()}
        active = None if self._drawn is None else self._drawn.active
        with self._state.architecture.settling(self._state.alphas, active):
            self._state.move_alphas(gradients)

    def _move_weights(self, gradients: Mapping[str, Tensor | None]) -> None:
        for hook in self._state.hooks:
            gradients = hook.weight_gradients(gradients)
        move_weights(self._state.weights, self._state.weight_optimizer, gradients, self._settings.grad_clip)


def move_weights(
    weights: Mapping[str, nn.Parameter],
    optimizer: torch.optim.SGD,
    gradients: Mapping[str, Tensor | None],
    grad_clip: float | None,
) -> None:
    """One optimiser step with clipped gradients; weights without a gradient do not move.

    Args:
        weights: all that the optimiser moves, by name.
        optimizer: of the weights.
        gradients: by name.
        grad_clip: largest norm of all together; None: no clipping.
    """
    for name, gradient in gradients.items():
        weights[name].grad = None if gradient is None else _laid_out_like(weights[name], gradient)
    _begin_momentum(optimizer)
    if grad_clip is not None:
        nn.utils.clip_grad_norm_(weights.values(), grad_clip, foreach=True)
    optimizer.step()


def _begin_momentum(optimizer: torch.optim.SGD) -> None:
    """Give every weight that is about to move for the first time a momentum of zero.

    torch's fused SGD fails where some weights of a step have momentum and others have none yet; from zero it comes to
    the same.
    """
    for group in optimizer.param_groups:
        for weight in group["params"] if group["momentum"] else ():
            if weight.grad is not None and optimizer.state[weight].get("momentum_buffer") is None:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)


def _laid_out_like(weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the weight's memory format.

    torch's fused SGD reads both as if they lay alike in memory, without a check; `autograd.grad`, unlike `backward`,
    does not see to it.
    """
    alike = (gradient.is_contiguous() and weight.is_contiguous()) or gradient.stride() == weight.stride()
    return gradient if alike else torch.empty_like(weight).copy_(gradient)
