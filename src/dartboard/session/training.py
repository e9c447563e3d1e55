"""The training step of a run: trains networks of an architecture from scratch, and reads recorded trainings."""

import math

from torch import Tensor

from dartboard.records.allowances import Allowance
from dartboard.runs import KeptWeights, Length, Objective, RunDirectory, SearchEpoch, TrainEpoch
from dartboard.session.batches import EVALUATION_BATCH, part_batches
from dartboard.session.session import Session
from dartboard.session.sizes import network_stem, train_epochs
from dartboard.space import Genotype, Network
from dartboard.training import ModelCard, TrainingData, log_prior, save_model, train_network

__all__ = [
    "last_validation_accuracy",
    "model_card",
    "train_networks",
    "trained_length",
    "trained_steps",
    "training_data",
]


def train_networks(session: Session, genotype: Genotype, allowance: Allowance | None = None) -> list[Network]:
    """Train `train.runs` networks from scratch; the first one is saved as the model of the run.

    Args:
        session: session with data and settings.
        genotype: the architecture to train.
        allowance: time and length of each training; None takes the epochs of the settings.

    Returns:
        The trained networks.
    """
    settings, seed = session.settings, session.settings.seed
    card, data = model_card(session, genotype), training_data(session)
    train = settings.train.model_copy(update={"steps_per_epoch": allowance.steps} if allowance else {})
    with session.phase("train"):
        networks = [
            train_network(
                data,
                card,
                train,
                session.run,
                number=number,
                epochs=allowance.epochs if allowance else train_epochs(session),
                seed=seed,
                observer=session.observer,
                time_limit=allowance.time_limit if allowance else None,
            )
            for number in range(settings.train.runs)
        ]
        save_model(session.run.path, networks[0], card)
    return networks


def training_data(session: Session) -> TrainingData:
    """The batches and the objective of a training."""
    settings = session.settings.train
    return TrainingData(
        train=part_batches(
            session,
            "train",
            settings.augment,
            settings.batch_size,
            balanced=settings.imbalance == "balanced-sampling",
        ),
        validation=part_batches(session, "validation", settings.augment, EVALUATION_BATCH)
        if len(session.splits.validation)
        else None,
        device=session.device,
        logit_offset=_logit_offset(session),
        objective=session.settings.objective,
    )


def model_card(session: Session, genotype: Genotype) -> ModelCard:
    """The card of the trained network: its architecture and size, its classes, and the normalisation of images."""
    settings = session.settings.train
    return ModelCard(
        genotype=genotype.to_json(),
        init_channels=settings.init_channels,
        layers=settings.layers,
        stem=network_stem(session, settings.stem),
        classes=session.dataset.classes,
        image_shape=session.dataset.image_shape,
        mean=session.normalization.mean,
        std=session.normalization.std,
    )


def _logit_offset(session: Session) -> Tensor | None:
    if session.settings.train.imbalance != "logit-adjustment":
        return None
    labels = session.splits.view(session.dataset, "train").labels
    return log_prior(labels, len(session.dataset.classes)).to(session.device)


def trained_steps(run: RunDirectory) -> int:
    """Number of steps that the first network of a run was trained for."""
    return sum(_epoch_steps(run))


def trained_length(run: RunDirectory) -> Length:
    """Epochs of the first network of a run, and its mean number of steps per epoch, rounded up."""
    steps = _epoch_steps(run)
    return Length(len(steps), math.ceil(sum(steps) / len(steps)))


def _epoch_steps(run: RunDirectory) -> list[int]:
    return [event.steps for event in run.events.read() if isinstance(event, TrainEpoch) and event.run == 0]


def last_validation_accuracy(
    session: Session, number: int | None = None, objective: Objective = "accuracy"
) -> float | None:
    """Accuracy on the validation images: of network `number`, or the mean over all networks if it is None.

    It is that of the last epoch, or of the epoch with the kept weights. After a search without a training it is that of
    the supernet. It is None where nothing was measured.
    """
    events = session.run.events.read()
    networks = [event for event in events if isinstance(event, TrainEpoch | KeptWeights)]
    last = {event.run: event.validation(objective) for event in networks if number in (None, event.run)}
    if not last:
        searched = [event.validation(objective) for event in events if isinstance(event, SearchEpoch)]
        return searched[-1] if searched else None
    trained = [accuracy for accuracy in last.values() if accuracy is not None]
    return sum(trained) / len(trained) if len(trained) == len(last) else None
