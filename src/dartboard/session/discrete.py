"""What evaluates the architectures of a search without a supernet: trainings that pause, or a table."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from dartboard.data import ImageView
from dartboard.engine.discrete import DiscreteProblem, Evaluation, Evaluator
from dartboard.estimate import find_table
from dartboard.estimate.proxies import Conditions, refuse_proxies, score_genotypes, summed_up
from dartboard.parts.discrete import DiscreteSearch, Member
from dartboard.runs import Observer, TrainEpoch, make_generator
from dartboard.session.batches import EVALUATION_BATCH, batches_of, part_batches
from dartboard.session.session import Session
from dartboard.session.sizes import network_stem
from dartboard.session.training import holding_out, train_networks
from dartboard.settings.tree import ALONE
from dartboard.space import Genotype, Network, get_space
from dartboard.training import predict
from dartboard.wording import count

__all__ = ["describe_discrete", "discrete_problem", "trial_settings"]

_FOLDER = "pool"
_COLUMN = "cifar10_val"
_PROXY_BATCH = 64


def discrete_problem(session: Session) -> DiscreteProblem:
    """The space of a session, and what evaluates and scores its architectures.

    Raises:
        DataError: there is no table.
    """
    return DiscreteProblem(get_space(session.settings.space), _evaluator(session), _Scorer(session))


def describe_discrete(session: Session, search: DiscreteSearch) -> str:
    """The part of a line about a search: how many architectures it evaluates, and for how long."""
    schedule, size = search.schedule, session.settings.search
    if size.evaluate == "table":
        return f"{count(schedule.size, 'architecture')} looked up in the table of NAS-Bench-201"
    levels = ", ".join(map(str, schedule.epochs))
    steps = "" if size.steps_per_epoch is None else f" of {count(size.steps_per_epoch, 'step')}"
    whole = schedule.size * schedule.epochs[-1]
    spared = f" rather than {whole:,}" if whole > schedule.total_epochs else ""
    return (
        f"{count(schedule.size, 'architecture')} trained up to {levels} epochs{steps}, "
        f"{schedule.total_epochs:,} epochs in all{spared}, {count(size.init_channels, 'channel')}, "
        f"{count(size.layers, 'layer')}"
    )


def trial_settings(session: Session, epochs: int) -> dict[str, Any]:
    """The settings of the training of an architecture: the recipe of `train`, in the size of `search`.

    Args:
        session: of the search.
        epochs: of a whole training, whose schedule all trainings follow.
    """
    search = session.settings.search
    train = session.settings.train.model_copy(
        update={
            "init_channels": search.init_channels,
            "layers": search.layers,
            "max_multiply_adds": None,
            "epochs": epochs,
            "steps_per_epoch": search.steps_per_epoch,
            "runs": 1,
            "hold_out": True,
            "start": "fresh",
        }
    )
    return {**ALONE, "train": train, "baselines": False, "contest": False, "budget": None}


def _evaluator(session: Session) -> Evaluator:
    settings = session.settings
    if settings.search.evaluate == "training":
        return _Trainings(session)
    session.observer.note(
        "Architectures are not trained but looked up: accuracy on CIFAR-10's validation images after 12 epochs, "
        "whatever the data of this run are, and the same at every level."
    )
    return _Table()


@dataclass(frozen=True)
class _Table(Evaluator):
    """Looks accuracies up in the table of the schedule of 12 epochs, which alone has validation images."""

    @property
    def name(self) -> str:
        return "table-12"

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:  # noqa: ARG002
        return Evaluation(find_table(12).accuracy(member.architecture, _COLUMN) / 100, 0.0)


@dataclass(frozen=True)
class _Trainings(Evaluator):
    """Trains architectures in run directories of their own, each on where it has paused.

    Attributes:
        session: of the search.
    """

    session: Session

    @property
    def name(self) -> str:
        return "training"

    def __call__(self, member: Member, epochs: tuple[int, ...]) -> Evaluation:
        started, genotype = time.perf_counter(), member.architecture
        changes = trial_settings(self.session, epochs[-1]) | {"genotype": genotype.to_json()}
        with self.session.inside(f"{_FOLDER}/{member.number}", changes) as child:
            child = replace(child, observer=Observer())
            child.begin()
            child.run.write("genotype.json", genotype.to_json())
            [network] = train_networks(holding_out(child), genotype, until=epochs[member.level])
            accuracy = _accuracy(holding_out(child), network)
        return Evaluation(accuracy, time.perf_counter() - started)


def _accuracy(child: Session, network: Network) -> float:
    """Accuracy on the images held out, by the objective, as a fraction; from one view of each."""
    network.mirrors = False
    sides = [event.image_side for event in child.run.events.read() if isinstance(event, TrainEpoch)]
    batches = batches_of(child, _scored(child), child.settings.train.augment, EVALUATION_BATCH)
    predicted = predict(network, batches, sides[-1])
    right, labels = predicted.predicted == predicted.labels, predicted.labels
    if child.settings.objective == "accuracy":
        return float(right.mean())
    return float(np.mean([right[labels == each].mean() for each in np.unique(labels)]))


def _scored(child: Session) -> ImageView:
    """The images held out, or as many of them as a search may be scored on, the same for every architecture."""
    view, most = child.splits.view(child.dataset, "validation"), child.settings.search.validation_images
    generator = make_generator(child.settings.split_seed, "discrete", "validation")
    drawn = torch.randperm(len(view), generator=generator).numpy()[:most]
    return replace(view, indices=np.sort(view.indices[drawn]))


@dataclass(frozen=True)
class _Scorer:
    """Scores untrained architectures on a batch of the images from which weights learn.

    Attributes:
        session: of the search.
    """

    session: Session

    def __call__(self, genotypes: Sequence[Genotype], proxies: Sequence[str]) -> list[Mapping[str, float]]:
        """For each architecture, proxy -> number, higher for better."""
        conditions = self._conditions()
        refuse_proxies(genotypes[:1], proxies, conditions)
        self.session.observer.note(f"{count(len(genotypes), 'architecture')} are scored before any is trained.")
        scored = list(score_genotypes(genotypes, proxies, conditions, seed=self.session.settings.seed))
        columns = summed_up(proxies, scored)
        return [{name: values[place] for name, values in columns.items()} for place in range(len(genotypes))]

    def _conditions(self) -> Conditions:
        session, search = self.session, self.session.settings.search
        batches = part_batches(session, "weights", session.settings.train.augment, _PROXY_BATCH)
        batch = next(iter(batches.in_order()))
        return Conditions(
            batch.images,
            batch.labels,
            len(session.dataset.classes),
            init_channels=search.init_channels,
            layers=search.layers,
            stem=network_stem(session, search.stem),
        )
