"""Training a discrete network from scratch."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.devices import equal_steps
from dartboard.errors import NonFiniteLossError
from dartboard.runs import (
    VALIDATION_KEYS,
    Event,
    KeptWeights,
    Length,
    Meter,
    Objective,
    Observer,
    RunDirectory,
    Score,
    ScoreMeter,
    TimeLimit,
    TrainEpoch,
    make_generator,
    seeded_initialization,
    validation_facts,
)
from dartboard.space import DropPath, Network
from dartboard.training.compiled import Forward, compile_forward
from dartboard.training.model import ModelCard
from dartboard.training.schedule import Schedule, learning_rate
from dartboard.training.training_settings import TrainSettings

__all__ = ["NetworkTraining", "TrainingData", "train_network"]

_LAST_PART = 0.2
_NOTEWORTHY = 0.02


@dataclass(frozen=True)
class TrainingData:
    """Batches of one training.

    Attributes:
        train: the training images, augmented.
        validation: images held out of training, or None.
        device: where everything runs.
        logit_offset: added to the logits in the training loss, shape (classes,), or None.
        objective: by which accuracy on the validation images weights are the best.
    """

    train: Batches
    validation: Batches | None
    device: torch.device
    logit_offset: Tensor | None = None
    objective: Objective = "accuracy"


def train_network(
    data: TrainingData,
    card: ModelCard,
    settings: TrainSettings,
    run: RunDirectory,
    *,
    number: int,
    epochs: int,
    seed: int,
    observer: Observer,
    time_limit: TimeLimit | None = None,
) -> Network:
    """Train network `number` of a run, from its checkpoint or from the start.

    Args:
        data: batches.
        card: the network to build.
        settings: learning rates and the like.
        run: where events and checkpoints go.
        number: which of the `settings.runs` networks; each has random streams of its own.
        epochs: epochs in all.
        seed: root of every random stream.
        observer: hears of every step and epoch.
        time_limit: the working time, to which its length is fitted after every epoch; None lets it take what it takes.

    Returns:
        The network after the last epoch, or after the one that `settings.keep` names.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite; the checkpoint holds the epoch before.
        CheckpointError: the checkpoint cannot be used.
    """
    training = NetworkTraining(data, card, settings, number=number, epochs=epochs, seed=seed)
    checkpoint, schedule = f"train-{number}", training.schedule
    if saved := run.load_checkpoint(checkpoint, "train"):
        with run.restoring(checkpoint):
            training.load_state_dict(saved)
            schedule = training.schedule
    done = training.epoch
    run.events.keep(lambda event: not _is_of(event, number) or _is_done(event, done))
    epochs_done = [event for event in run.events.read() if isinstance(event, TrainEpoch) and event.run == number]
    observer.begin("train", epochs=schedule.epochs, steps=training.num_steps, done=done)
    if settings.compile and done < schedule.epochs:
        observer.note("The network is compiled in the first steps of the training, which takes a minute or more.")
        training.compile()
    with equal_steps():
        while training.epoch < schedule.epochs:
            event = training.run_epoch(observer)
            run.events.append(event)
            epochs_done.append(event)
            changed = time_limit is not None and training.keep_to(time_limit, epochs_done)
            run.save_checkpoint(checkpoint, "train", training.state_dict())
            observer.epoch(event)
            if changed:
                observer.resize(epochs=schedule.epochs, steps=training.num_steps, done=training.epoch)
    _tell_length(sum(event.steps for event in epochs_done), epochs * training.usual_steps, observer)
    if kept := training.kept:
        run.events.append(KeptWeights(run=number, **kept))
    observer.end("train")
    return training.kept_network()


def _tell_length(taken: int, planned: int, observer: Observer) -> None:
    if abs(taken - planned) > _NOTEWORTHY * planned:
        observer.note(f"The training had {taken} steps instead of {planned}, as its time allowed.")


def _parameter_groups(network: nn.Module, *, decay_norms: bool) -> list[dict[str, Any]]:
    """All parameters, those of batch norms without weight decay unless it is to act on them too."""
    parts = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d) and not decay_norms]
    norms = [weight for part in parts for weight in part.parameters(recurse=False)]
    resting = {id(weight) for weight in norms}
    decayed = [weight for weight in network.parameters() if id(weight) not in resting]
    return [{"params": decayed}, *([{"params": norms, "weight_decay": 0.0}] if norms else [])]


def _is_of(event: Event, number: int) -> bool:
    return isinstance(event, TrainEpoch | KeptWeights) and event.run == number


def _is_done(event: Event, done: int) -> bool:
    return isinstance(event, TrainEpoch) and event.epoch <= done


class NetworkTraining:
    """A network, its optimizer and how far they are.

    Args:
        data: batches.
        card: the network to build.
        settings: learning rates and the like.
        number: which of several networks; each has random streams of its own.
        epochs: epochs in all.
        seed: root of every random stream.

    Attributes:
        network: the network.
        schedule: how long the training is.
        epoch: epochs done.
        usual_steps: steps of an epoch, as the settings have it.
        num_steps: steps of the next epoch.
        kept: with `settings.keep` of "best" the epoch and the validation accuracies of the best weights so far.
    """

    def __init__(
        self, data: TrainingData, card: ModelCard, settings: TrainSettings, *, number: int, epochs: int, seed: int
    ) -> None:
        self.data, self.settings, self.number, self._seed = data, settings, number, seed
        self.schedule, self.epoch = Schedule.of(epochs), 0
        self.usual_steps = self.num_steps = min(len(data.train), settings.steps_per_epoch or len(data.train))
        with seeded_initialization(seed, "train", number, "weights"):
            self.network = card.build(auxiliary=settings.auxiliary_weight > 0)
        self.network.to(device=data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward: Forward = self.network.forward_with_auxiliary
        self._optimizer = torch.optim.SGD(
            _parameter_groups(self.network, decay_norms=settings.decay_norms),
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.kept: dict[str, Any] = {}
        self._best: dict[str, Tensor] | None = None

    def compile(self) -> None:
        """Let torch.compile speed up the steps."""
        self._forward = compile_forward(self.network)

    def state_dict(self) -> dict[str, Any]:
        """All that the next epoch needs, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "epoch": self.epoch,
            "schedule": self.schedule.to_json(),
            "num_steps": self.num_steps,
            "kept": self.kept,
            "best": self._best,
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.network.load_state_dict(saved["network"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self.epoch, self.schedule = int(saved["epoch"]), Schedule(**saved["schedule"])
        self.num_steps = int(saved["num_steps"])
        self.kept, self._best = saved["kept"], saved["best"]

    def keep_to(self, time_limit: TimeLimit, epochs: Sequence[TrainEpoch]) -> bool:
        """Let the training be as long as fits; `epochs` are the events of those done.

        Returns:
            Whether its length has changed.
        """
        before = Length(self.schedule.epochs, self.num_steps)
        fitting = time_limit.fit(before, epochs)
        assert fitting.steps is not None
        if fitting.epochs != before.epochs:
            self.schedule.change(self.epoch, fitting.epochs)
        self.num_steps = fitting.steps
        return fitting != before

    def kept_network(self) -> Network:
        """The network with the weights to keep: the last, or those that did best on the validation images."""
        if self._best is not None:
            self.network.load_state_dict(self._best)
        return self.network

    def run_epoch(self, observer: Observer) -> TrainEpoch:
        """Take the steps of an epoch and score the network.

        Returns:
            The event of the epoch.

        Raises:
            NonFiniteLossError: the loss became NaN or infinite.
        """
        started, data, epoch, epochs = time.perf_counter(), self.data, self.epoch, self.schedule.epochs
        masks = make_generator(self._seed, "train", self.number, "drop-path", epoch, device=data.device)
        drop_path = DropPath(self.settings.drop_path * self.schedule.position(epoch) / self.schedule.planned, masks)
        meter = Meter(data.device)
        self.network.train()
        lr = self.settings.lr
        drawn = data.train.epoch(make_generator(self._seed, "train", self.number, "batches", epoch))
        for step, batch in enumerate(islice(drawn, self.num_steps)):
            lr = self._set_learning_rate(step)
            self.step(batch, drop_path, meter)
            observer.step()
        train_loss, train_accuracy = meter.read() or (None, None)
        if train_loss is not None and not math.isfinite(train_loss):
            raise NonFiniteLossError(
                f"the training loss is {train_loss} in epoch {epoch + 1}; lower train.lr (now {self.settings.lr}) or "
                "set train.grad_clip."
            )
        score = self.validate()
        self.epoch += 1
        if self.settings.keep == "best" and score is not None:
            self._keep_if_best(score)
        return TrainEpoch(
            run=self.number,
            epoch=epoch + 1,
            epochs=epochs,
            steps=self.num_steps,
            seconds=time.perf_counter() - started,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            **validation_facts(score),
            learning_rate=lr,
        )

    def step(self, batch: Batch, drop_path: DropPath, meter: Meter) -> None:
        """Move the weights by one batch."""
        with self._autocast():
            logits, auxiliary = self._forward(batch.images, drop_path)
        loss = self._loss(logits.float(), batch)
        meter.add(loss, logits, batch.labels)
        if auxiliary is not None:
            loss = loss + self.settings.auxiliary_weight * self._loss(auxiliary.float(), batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.settings.grad_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.grad_clip, foreach=True)
        self._optimizer.step()

    @torch.no_grad()
    def validate(self) -> Score | None:
        """The score on the validation images, or None without any."""
        if self.data.validation is None:
            return None
        meter = ScoreMeter(self.data.device)
        self.network.eval()
        for batch in self.data.validation.in_order():
            with self._autocast():
                logits = self.network(batch.images).float()
            meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
        return meter.read()

    def _autocast(self) -> torch.autocast:
        """For one forward pass: it remembers the weights that it has rounded."""
        lowered = self.settings.precision == "bfloat16"
        return torch.autocast(self.data.device.type, torch.bfloat16, enabled=lowered)

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        offset = self.data.logit_offset
        logits = logits if offset is None else logits + offset
        return functional.cross_entropy(logits, batch.labels, label_smoothing=self.settings.label_smoothing)

    def _set_learning_rate(self, step: int) -> float:
        steps, schedule = self.num_steps, self.schedule
        lr = learning_rate(self.settings, schedule.position(self.epoch, step, steps), schedule.planned * steps, steps)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        return lr

    def _keep_if_best(self, score: Score) -> None:
        """Of equal epochs the later one is kept: its rate was lower. Early epochs would only be lucky."""
        objective = self.data.objective
        is_late = self.schedule.position(self.epoch) >= (1 - _LAST_PART) * self.schedule.planned
        if is_late and score.by(objective) >= self.kept.get(VALIDATION_KEYS[objective], 0.0):
            self.kept = {"epoch": self.epoch, **{VALIDATION_KEYS[each]: score.by(each) for each in VALIDATION_KEYS}}
            self._best = {name: weight.detach().clone() for name, weight in self.network.state_dict().items()}
