"""A network in training: its steps, its epochs, and the state that a checkpoint holds."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.errors import NonFiniteLossError
from dartboard.runs import (
    VALIDATION_KEYS,
    Length,
    Meter,
    Objective,
    Observer,
    Score,
    ScoreMeter,
    TimeLimit,
    TrainEpoch,
    make_generator,
    seeded_initialization,
    step_work,
    validation_facts,
)
from dartboard.space import DropPath, Network
from dartboard.training.averaging import WeightAverage
from dartboard.training.compiled import Forward, compile_forward
from dartboard.training.inheritance import begin_with
from dartboard.training.model import ModelCard
from dartboard.training.optimizer import WeightOptimizer
from dartboard.training.resizing import image_side, resized
from dartboard.training.schedule import Schedule, learning_rate
from dartboard.training.start import prepare_network
from dartboard.training.training_settings import TrainSettings

__all__ = ["NetworkTraining", "TrainingData"]

_LAST_PART = 0.2


@dataclass(frozen=True)
class TrainingData:
    """The batches of one training, and how they are used.

    Attributes:
        train: the training images, augmented.
        validation: images held out of training, or None.
        device: where everything runs.
        logit_offset: added to the logits in the training loss, shape (classes,), or None.
        objective: the accuracy on the validation images by which the best weights are chosen.
    """

    train: Batches
    validation: Batches | None
    device: torch.device
    logit_offset: Tensor | None = None
    objective: Objective = "accuracy"


class NetworkTraining:
    """A network in training: its weights, its optimizer and the epochs done.

    Args:
        data: batches.
        card: the network to build.
        settings: learning rates and the like.
        number: number of the network in its run; each has its own random streams.
        epochs: epochs in all.
        seed: root of every random stream.
        inherited: weights of a supernet to begin with; None: the weights are drawn.
        only_timed: whether its steps are only timed, so that nothing needs to be fitted to the images.

    Attributes:
        network: the network.
        schedule: the length of the training, and how far it is.
        epoch: number of epochs done.
        usual_steps: steps of an epoch according to the settings.
        num_steps: steps of the next epoch with images of their whole side, fitted to the time limit.
        kept: with `settings.keep="best"`: the epoch and the validation accuracies of the best weights so far; empty
            otherwise.
    """

    def __init__(
        self,
        data: TrainingData,
        card: ModelCard,
        settings: TrainSettings,
        *,
        number: int,
        epochs: int,
        seed: int,
        inherited: Mapping[str, Tensor] | None = None,
        only_timed: bool = False,
    ) -> None:
        self.data, self.settings, self.number, self._seed = data, settings, number, seed
        self.schedule, self.epoch, self._taken = Schedule.of(epochs), 0, 0
        self.usual_steps = self.num_steps = min(len(data.train), settings.steps_per_epoch or len(data.train))
        with seeded_initialization(seed, "train", number, "weights"):
            self.network = card.build(auxiliary=settings.auxiliary_weight > 0)
            prepare_network(self.network, settings, data.train, fitted=not only_timed)
        self.network.to(device=data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if inherited is not None:
            drawn_by = make_generator(seed, "train", number, "recalibration")
            begin_with(self.network, inherited, settings.shrink, data.train, drawn_by)
        self._forward: Forward = self.network.forward_with_auxiliary
        self._optimizer = WeightOptimizer(self.network, settings)
        self._average = None if settings.average == "none" else WeightAverage(self.network, settings.average)
        self.kept: dict[str, Any] = {}
        self._best: dict[str, Tensor] | None = None

    @property
    def image_side(self) -> float:
        """Side of the images in the next epoch, as a share of their whole side."""
        if not self.settings.progressive_resizing:
            return 1.0
        return image_side(self.schedule.position(self.epoch) / self.schedule.planned)

    @property
    def next_steps(self) -> int:
        """Steps of the next epoch: as much work as `num_steps` with whole images."""
        return round(self.num_steps / step_work(self.image_side))

    def compile(self) -> None:
        """Run the forward passes of the training steps with torch.compile."""
        self._forward = compile_forward(self.network)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch needs, as the content of a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state_dict() if self._average else None,
            "epoch": self.epoch,
            "steps": self._taken,
            "schedule": self.schedule.to_json(),
            "num_steps": self.num_steps,
            "kept": self.kept,
            "best": self._best,
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Continue from a state that `state_dict` returned."""
        self.network.load_state_dict(saved["network"])
        self._optimizer.load_state_dict(saved["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(saved["average"])
        self.epoch, self.schedule = int(saved["epoch"]), Schedule(**saved["schedule"])
        self.num_steps = int(saved["num_steps"])
        # Checkpoints without the number of steps are of trainings whose epochs were whole passes.
        self._taken = int(saved.get("steps", self.epoch * self.num_steps))
        self.kept, self._best = saved["kept"], saved["best"]

    def keep_to(self, time_limit: TimeLimit, epochs: Sequence[TrainEpoch]) -> bool:
        """Fit the length of the training to a time limit; `epochs` are the events of the epochs done.

        Returns:
            Whether the length of the training has changed.
        """
        before = Length(self.schedule.epochs, self.num_steps)
        fitting = time_limit.fit(before, epochs)
        assert fitting.steps is not None
        if fitting.epochs != before.epochs:
            self.schedule.change(self.epoch, fitting.epochs)
        self.num_steps = fitting.steps
        return fitting != before

    def kept_network(self) -> Network:
        """The network with the weights to keep: the last weights, or those with the best validation accuracy."""
        if self._best is not None:
            self.network.load_state_dict(self._best)
        elif self._average is not None:
            self._average.hand_over()
        return self.network

    def run_epoch(self, observer: Observer) -> TrainEpoch:
        """Take the steps of an epoch and score the network.

        Returns:
            The event of the epoch.

        Raises:
            NonFiniteLossError: the loss or the weights became NaN or infinite.
        """
        started, data, epoch, schedule = time.perf_counter(), self.data, self.epoch, self.schedule
        masks = make_generator(self._seed, "train", self.number, "drop-path", epoch, device=data.device)
        share = schedule.position(epoch) / schedule.planned
        drop_path, meter, lr = DropPath(self.settings.drop_path * share, masks), Meter(data.device), self.settings.lr
        side, steps = self.image_side, self.next_steps
        self.network.train()
        for step, batch in enumerate(islice(self._drawn(), steps)):
            lr, done = self._pace(step, steps)
            self.step(batch._replace(images=resized(batch.images, side)), drop_path, meter, lr)
            if self._average is not None:
                self._average.step(done)
            observer.step()
        train_loss, train_accuracy = meter.read() or (None, None)
        self._refuse_overflow(train_loss)
        stepped = time.perf_counter()
        score = self.validate()
        scored = time.perf_counter()
        self.epoch += 1
        self._taken += steps
        if self.settings.keep == "best" and score is not None:
            self._keep_if_best(score)
        return TrainEpoch(
            run=self.number,
            epoch=epoch + 1,
            epochs=schedule.epochs,
            steps=steps,
            image_side=side,
            seconds=time.perf_counter() - started,
            scoring_seconds=scored - stepped,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            **validation_facts(score),
            learning_rate=lr,
        )

    def _refuse_overflow(self, train_loss: float | None) -> None:
        """Stop a training whose numbers have overflowed; those of the last step show in the weights alone."""
        if train_loss is not None and not math.isfinite(train_loss):
            found = f"the training loss is {train_loss}"
        elif not all(bool(weight.isfinite().all()) for weight in self.network.parameters()):
            found = "the weights of the network are no longer finite"
        else:
            return
        raise NonFiniteLossError(
            f"{found} in epoch {self.epoch + 1}; lower train.lr (now {self.settings.lr}) or set train.grad_clip."
        )

    def step(self, batch: Batch, drop_path: DropPath, meter: Meter, lr: float) -> None:
        """Take one training step on one batch, at that learning rate."""
        with self._autocast():
            logits, auxiliary = self._forward(batch.images, drop_path)
        loss = self._loss(logits.float(), batch)
        meter.add(loss, logits, batch.labels)
        if auxiliary is not None:
            loss = loss + self.settings.auxiliary_weight * self._loss(auxiliary.float(), batch)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.settings.grad_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.grad_clip, foreach=True)
        self._optimizer.step(lr)

    def validate(self) -> Score | None:
        """The score of the weights, or of their average, on the validation images; None without validation images."""
        if self.data.validation is None:
            return None
        with self._average.applied() if self._average else nullcontext(), torch.no_grad():
            return self._score(self.data.validation)

    def _score(self, images: Batches) -> Score | None:
        meter = ScoreMeter(self.data.device)
        self.network.eval()
        for batch in images.in_order():
            with self._autocast():
                logits = self.network(resized(batch.images, self.image_side)).float()
            meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
        return meter.read()

    def _autocast(self) -> torch.autocast:
        """A new autocast for each forward pass, since an autocast keeps the weights that it has rounded."""
        lowered = self.settings.precision == "bfloat16"
        return torch.autocast(self.data.device.type, torch.bfloat16, enabled=lowered)

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        offset = self.data.logit_offset
        logits = logits if offset is None else logits + offset
        return functional.cross_entropy(logits, batch.labels, label_smoothing=self.settings.label_smoothing)

    def _drawn(self) -> Iterator[Batch]:
        """Batches without end, from where the training is: pass after pass over the images, however long an epoch is.

        Each image is drawn once in a pass. With alternating sides it is mirrored in every second one.
        """
        images = self.data.train
        first, skipped = divmod(self._taken, len(images))
        for number in count(first):
            generator = make_generator(self._seed, "train", self.number, "batches", number)
            mirrored = None
            if self.settings.augment.flip == "alternating":
                sides = make_generator(self._seed, "train", self.number, "mirrored")
                mirrored = images.draw_mirrored(sides) ^ bool(number % 2)
            yield from images.epoch(generator, mirrored=mirrored, skipped=skipped if number == first else 0)

    def _pace(self, step: int, steps: int) -> tuple[float, float]:
        """The learning rate of a step of an epoch, and the share of the training that is done after it."""
        schedule, planned = self.schedule, self.schedule.planned * steps
        rate = learning_rate(self.settings, schedule.position(self.epoch, step, steps), planned, steps)
        return rate, schedule.position(self.epoch, step + 1, steps) / planned

    def _keep_if_best(self, score: Score) -> None:
        """Keep the weights if they are the best so far in the last fifth of the epochs.

        Earlier epochs would only be best by luck. Of equal epochs the later one is kept, as its rate was lower.
        """
        objective = self.data.objective
        is_late = self.schedule.position(self.epoch) >= (1 - _LAST_PART) * self.schedule.planned
        if is_late and score.by(objective) >= self.kept.get(VALIDATION_KEYS[objective], 0.0):
            self.kept = {"epoch": self.epoch, **{VALIDATION_KEYS[each]: score.by(each) for each in VALIDATION_KEYS}}
            with self._average.applied() if self._average else nullcontext():
                self._best = {name: weight.detach().clone() for name, weight in self.network.state_dict().items()}
