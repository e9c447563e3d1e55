"""The training step of a run: trains networks of an architecture, and reads recorded trainings."""

import math
from contextlib import nullcontext
from dataclasses import replace

from torch import Tensor

from dartboard.data import ImageView
from dartboard.records.allowances import Allowance
from dartboard.runs import KeptWeights, Length, Objective, RunDirectory, SearchEpoch, TrainEpoch
from dartboard.session.batches import EVALUATION_BATCH, batches_of, part_batches
from dartboard.session.inheritance import supernet_weights
from dartboard.session.session import Session
from dartboard.session.sizes import network_stem, train_epochs
from dartboard.space import Genotype, Network
from dartboard.training import ModelCard, TrainingData, log_prior, save_model, train_network

__all__ = [
    "holding_out",
    "last_validation_accuracy",
    "learned_images",
    "model_card",
    "num_scored",
    "train_networks",
    "trained_length",
    "trained_steps",
    "training_data",
]


def train_networks(
    session: Session,
    genotype: Genotype,
    allowance: Allowance | None = None,
    *,
    until: int | None = None,
    searched: Session | None = None,
) -> list[Network]:
    """Train `train.runs` networks; the first one is saved as the model of the run.

    Args:
        session: session with data and settings.
        genotype: the architecture to train.
        allowance: time and length of each training; None takes the epochs of the settings.
        until: stop after so many epochs of the training, which is then neither scored after every epoch nor saved as
            the model; None trains to the end.
        searched: session of the run that has searched, from whose supernet `train.start` may begin; None for this one.

    Returns:
        The trained networks.
    """
    settings, seed = session.settings, session.settings.seed
    card, data = model_card(session, genotype), training_data(session)
    data = data if until is None else replace(data, validation=None)
    train = settings.train.model_copy(update={"steps_per_epoch": allowance.steps} if allowance else {})
    with session.phase("train") if until is None else nullcontext():
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
                until=until,
                inherited=_inherited(searched or session, session, genotype, number),
            )
            for number in range(settings.train.runs)
        ]
        if until is None:
            save_model(session.run.path, networks[0], card)
    return networks


def _inherited(searched: Session, session: Session, genotype: Genotype, number: int) -> dict[str, Tensor] | None:
    """The weights that training `number` begins with; None where it draws them, or goes on from a checkpoint."""
    if session.settings.train.start == "fresh" or session.run.has(f"checkpoints/train-{number}.pt"):
        return None
    return supernet_weights(searched, genotype)


def holding_out(session: Session) -> Session:
    """The session of a short training that compares architectures, with images on which it is scored.

    Where a run holds none out for validation, the network learns from the half on which a search trains its weights,
    and is scored on the other half, as in the DARTS paper (arXiv:1806.09055, section A.1.1).
    """
    splits = session.splits
    if len(splits.validation):
        return session
    halves = replace(splits, train=splits.weights, validation=splits.alphas, validation_source="train")
    return replace(session, splits=halves)


def learned_images(session: Session) -> ImageView:
    """The images that a training learns from."""
    splits, dataset = session.splits, session.dataset
    return splits.view(dataset, "train") if session.settings.train.hold_out else splits.everything(dataset)


def num_scored(session: Session) -> int:
    """The number of images that score a training after every epoch."""
    return len(session.splits.validation) if session.settings.train.hold_out else 0


def training_data(session: Session) -> TrainingData:
    """The batches and the objective of a training."""
    settings = session.settings.train
    return TrainingData(
        train=batches_of(
            session,
            learned_images(session),
            settings.augment,
            settings.batch_size,
            balanced=settings.imbalance == "balanced-sampling",
        ),
        validation=part_batches(session, "validation", settings.augment, EVALUATION_BATCH)
        if num_scored(session)
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
        fit=session.dataset.fit,
        ranges=session.dataset.ranges,
        whitens=settings.whiten,
        views=settings.views,
    )


def _logit_offset(session: Session) -> Tensor | None:
    if session.settings.train.imbalance != "logit-adjustment":
        return None
    labels = learned_images(session).labels
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
