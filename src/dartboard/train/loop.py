"""Training a discrete network from scratch."""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.data import Batch, Batches
from dartboard.errors import NonFiniteLossError
from dartboard.runs import (
    Event,
    Meter,
    Observer,
    RunDirectory,
    equal_steps,
    make_generator,
    seeded_initialization,
)
from dartboard.space import DropPath, Network
from dartboard.train.compiled import Forward, compile_forward
from dartboard.train.model import ModelCard
from dartboard.train.settings import TrainSettings

__all__ = ["TrainingData", "learning_rate", "train_network"]


@dataclass(frozen=True)
class TrainingData:
    """Batches of one training.

    Attributes:
        train: the training images, augmented.
        validation: images held out of training, or None.
        device: where everything runs.
        logit_offset: added to the logits in the training loss, shape (classes,), or None.
    """

    train: Batches
    validation: Batches | None
    device: torch.device
    logit_offset: Tensor | None = None


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

    Returns:
        The network after the last epoch.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite; the checkpoint holds the epoch before.
        CheckpointError: the checkpoint cannot be used.
    """
    with seeded_initialization(seed, "train", number, "weights"):
        network = card.build(auxiliary=settings.auxiliary_weight > 0)
    network.to(device=data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=settings.lr,
        momentum=settings.momentum,
        nesterov=settings.nesterov,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    checkpoint = f"train-{number}"
    saved = run.load_checkpoint(checkpoint, "train")
    with run.restoring(checkpoint):
        done = _load(saved, network, optimizer)
    run.events.keep(lambda event: event["phase"] != "train" or event.get("run") != number or event["epoch"] <= done)
    observer.begin("train", epochs=epochs, steps=len(data.train), done=done)
    forward: Forward = network.forward_with_auxiliary
    if settings.compile and done < epochs:
        observer.note("The network is compiled in the first steps of the training, which takes a minute or more.")
        forward = compile_forward(network)
    with equal_steps():
        for epoch in range(done, epochs):
            event = _run_epoch(data, network, forward, optimizer, settings, (epoch, epochs), number, seed, observer)
            run.events.append(event)
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}
            run.save_checkpoint(checkpoint, "train", state)
            observer.epoch(event)
    observer.end("train")
    return network


def learning_rate(settings: TrainSettings, step: int, steps: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Args:
        settings: which schedule.
        step: steps done.
        steps: steps in all.
        steps_per_epoch: "cosine" changes once per epoch only, as in the papers.
    """
    if settings.schedule == "cosine":
        epoch, epochs = step // steps_per_epoch, steps // steps_per_epoch
        return _cosine(epoch / epochs, settings.lr, settings.lr_min)
    rising = max(1, round(settings.warmup_fraction * steps))
    if step < rising:
        return settings.lr * (0.1 + 0.9 * step / rising)
    return _cosine((step - rising) / max(1, steps - rising), settings.lr, settings.lr_min)


def _cosine(progress: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _load(saved: dict[str, Any] | None, network: Network, optimizer: torch.optim.Optimizer) -> int:
    if saved is None:
        return 0
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["epoch"])


def _run_epoch(
    data: TrainingData,
    network: Network,
    forward: Forward,
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    position: tuple[int, int],
    number: int,
    seed: int,
    observer: Observer,
) -> Event:
    started = time.perf_counter()
    epoch, epochs = position
    steps = len(data.train)
    masks = make_generator(seed, "train", number, "drop-path", epoch, device=data.device)
    drop_path = DropPath(settings.drop_path * epoch / epochs, masks)
    meter = Meter(data.device)
    network.train()
    lr = settings.lr
    for step, batch in enumerate(data.train.epoch(make_generator(seed, "train", number, "batches", epoch))):
        lr = learning_rate(settings, epoch * steps + step, epochs * steps, steps)
        for group in optimizer.param_groups:
            group["lr"] = lr
        _step(network, forward, optimizer, settings, batch, drop_path, meter, data.logit_offset)
        observer.step()
    train_loss, train_accuracy = meter.read() or (None, None)
    if train_loss is not None and not math.isfinite(train_loss):
        raise NonFiniteLossError(
            f"the training loss is {train_loss} in epoch {epoch + 1}; lower train.lr (now {settings.lr}) or set "
            "train.grad_clip."
        )
    validation_loss, validation_accuracy = _validate(network, data) or (None, None)
    return {
        "event": "epoch",
        "phase": "train",
        "run": number,
        "epoch": epoch + 1,
        "epochs": epochs,
        "seconds": time.perf_counter() - started,
        "train_loss": train_loss,
        "train_accuracy": train_accuracy,
        "validation_loss": validation_loss,
        "validation_accuracy": validation_accuracy,
        "learning_rate": lr,
    }


def _step(
    network: Network,
    forward: Forward,
    optimizer: torch.optim.Optimizer,
    settings: TrainSettings,
    batch: Batch,
    drop_path: DropPath,
    meter: Meter,
    logit_offset: Tensor | None,
) -> None:
    def loss_of(logits: Tensor) -> Tensor:
        logits = logits if logit_offset is None else logits + logit_offset
        return functional.cross_entropy(logits, batch.labels, label_smoothing=settings.label_smoothing)

    logits, auxiliary = forward(batch.images, drop_path)
    loss = loss_of(logits)
    meter.add(loss, logits, batch.labels)
    if auxiliary is not None:
        loss = loss + settings.auxiliary_weight * loss_of(auxiliary)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if settings.grad_clip is not None:
        nn.utils.clip_grad_norm_(network.parameters(), settings.grad_clip, foreach=True)
    optimizer.step()


@torch.no_grad()
def _validate(network: Network, data: TrainingData) -> tuple[float, float] | None:
    if data.validation is None:
        return None
    meter = Meter(data.device)
    network.eval()
    for batch in data.validation.in_order():
        logits = network(batch.images)
        meter.add(functional.cross_entropy(logits, batch.labels), logits, batch.labels)
    return meter.read()
