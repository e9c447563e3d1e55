"""The loop of a training: epoch after epoch, with events and checkpoints, from where an earlier attempt ended."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from dartboard.devices import equal_steps
from dartboard.runs import Event, KeptWeights, Observer, RunDirectory, TimeLimit, TrainEpoch
from dartboard.space import Network
from dartboard.training.model import ModelCard
from dartboard.training.network_training import NetworkTraining, TrainingData
from dartboard.training.training_settings import TrainSettings
from dartboard.wording import count

__all__ = ["train_network"]

_NOTEWORTHY = 0.02


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
    until: int | None = None,
    inherited: Mapping[str, Tensor] | None = None,
) -> Network:
    """Train network `number` of a run, from its checkpoint or, without one, from the start.

    Args:
        data: batches.
        card: the network to build.
        settings: learning rates and the like.
        run: where events and checkpoints go.
        number: number of the network among the `settings.runs` networks; each has its own random streams.
        epochs: epochs in all.
        seed: root of every random stream.
        observer: is told of every step and epoch.
        time_limit: limit of the working time; after every epoch the length of the training is fitted to it. None: no
            limit.
        until: stop after so many epochs, before the end; a later call goes on from the checkpoint. None: no stop.
        inherited: weights of a supernet to begin with, by the names of the network; a training that goes on from a
            checkpoint needs none. None: the weights are drawn.

    Returns:
        The network with the weights of the last epoch, or of the best epoch with `settings.keep="best"`.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite; the checkpoint holds the state after the epoch before.
        CheckpointError: the checkpoint cannot be used.
    """
    training = NetworkTraining(data, card, settings, number=number, epochs=epochs, seed=seed, inherited=inherited)
    checkpoint, epochs_done = f"train-{number}", _resume(training, run)
    schedule, done = training.schedule, training.epoch
    observer.begin("train", epochs=schedule.epochs, steps=training.next_steps, done=done)
    if settings.compile and done < schedule.epochs:
        observer.note("The network is compiled in the first steps of the training, which takes a minute or more.")
        training.compile()
    with equal_steps():
        while training.epoch < min(schedule.epochs, until or schedule.epochs):
            event = training.run_epoch(observer)
            run.events.append(event)
            epochs_done.append(event)
            changed = time_limit is not None and training.keep_to(time_limit, epochs_done)
            changed = changed or training.next_steps != event.steps
            run.save_checkpoint(checkpoint, "train", training.state_dict())
            observer.epoch(event)
            if changed:
                observer.resize(epochs=schedule.epochs, steps=training.next_steps, done=training.epoch)
    if until is not None:
        return training.kept_network()
    _tell_work(training, epochs_done, epochs, observer)
    if kept := training.kept:
        run.events.append(KeptWeights(run=number, **kept))
    observer.end("train")
    return training.kept_network()


def _resume(training: NetworkTraining, run: RunDirectory) -> list[TrainEpoch]:
    """Take the training to its checkpoint, if there is one, and return the events of the epochs that it has done."""
    checkpoint, number = f"train-{training.number}", training.number
    if saved := run.load_checkpoint(checkpoint, "train"):
        with run.restoring(checkpoint):
            training.load_state_dict(saved)
    run.events.keep(lambda event: not _is_of(event, number) or _is_done(event, training.epoch))
    return [event for event in run.events.read() if isinstance(event, TrainEpoch) and event.run == number]


def _is_of(event: Event, number: int) -> bool:
    return isinstance(event, TrainEpoch | KeptWeights) and event.run == number


def _is_done(event: Event, done: int) -> bool:
    return isinstance(event, TrainEpoch) and event.epoch <= done


def _tell_work(training: NetworkTraining, done: Sequence[TrainEpoch], planned: int, observer: Observer) -> None:
    """Say how much work the training did where that is not about as much as planned, in epochs."""
    share = sum(event.whole_steps for event in done) / (planned * training.usual_steps)
    if abs(share - 1) > _NOTEWORTHY:
        steps = f"{count(sum(event.steps for event in done), 'step')}, {share:.0%} of the work planned"
        observer.note(f"The training had {steps}, to fit its time limit.")
