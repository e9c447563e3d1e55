"""A contest before the training: the network found and others begin it together, and the best of them ends it."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dartboard.budget.allowances import MOST_SCORED, Pace, contest_pace, contestants, has_time_for_rounds
from dartboard.data import ImageView
from dartboard.errors import NonFiniteLossError
from dartboard.records import Contest, Contestant, GenotypeForms, SearchWorth
from dartboard.runs import RunDirectory, TrainEpoch, make_generator, read_arrays, write_atomically
from dartboard.session.baselines import FOUND, BaselineNetwork, holds_contest
from dartboard.session.batches import EVALUATION_BATCH, batches_of
from dartboard.session.clock import CHILD_FOLDERS
from dartboard.session.session import Session
from dartboard.session.sizes import with_size
from dartboard.session.training import train_networks
from dartboard.settings.tree import ALONE
from dartboard.space import PUBLISHED, Genotype, Network, get_space
from dartboard.training import Difference, paired_difference, predict
from dartboard.wording import percent, signed_points

__all__ = ["hold_contest"]

_FOLDER = CHILD_FOLDERS["contest"]


def hold_contest(session: Session, found: Genotype) -> tuple[Session, Genotype]:
    """Let the network found and the baselines compete by short trainings; nothing that the winner learned is lost.

    Successive halving (arXiv:1603.06560) on the validation images: all contestants get equal time, the better half goes
    on. The known good network of the space wins unless another one is better beyond chance. Each begins the schedule
    that it would have as the winner, so the training of the run continues from the winner's checkpoint. The test images
    are not touched. `contest.json` tells of all.

    Args:
        session: the search is done.
        found: the architecture found.

    Returns:
        The session with the size of the winner, and its architecture; both as given without the setting `contest`.
    """
    run = session.run
    if not holds_contest(session):
        return session, found
    with session.phase("contest"):
        record = Contest.find(run.path) or _planned(session, found)
        record.write(run.path)
        while record.winner is None:
            record = _round(session, record)
            record.write(run.path)
    winner = record.chosen
    genotype = winner.genotype.genotype
    if run.load_checkpoint("train-0", "train") is None:
        session.observer.note(_outcome(record))
        if record.rounds:
            _adopt(session, winner)
        run.write("genotype.json", genotype.to_json())
    return with_size(session, "train", _own(session, winner), genotype.space), genotype


def _outcome(record: Contest) -> str:
    winner = record.chosen
    if not record.rounds:
        return f"There is no time for a contest, so {winner.what} is trained at once."
    if record.incumbent == winner.name and not record.beaten:
        return (
            f"After a short training none of {len(record.contestants)} contestants is better than {winner.what} beyond "
            f"chance ({percent(winner.accuracies[-1])} of the validation images), so its training goes on."
        )
    return (
        f"Of {len(record.contestants)} contestants, {winner.what} is the best after a short training "
        f"({percent(winner.accuracies[-1])} of the validation images), so its training goes on."
    )


def _planned(session: Session, found: Genotype) -> Contest:
    networks = contestants(session, found)
    known = get_space(session.settings.space).known
    incumbent = next((each for each in networks if known and each.genotype == PUBLISHED[known]), None)
    if incumbent and not has_time_for_rounds(session, networks):
        networks = [incumbent]
    pace = contest_pace(session, networks)
    return Contest(
        epochs=pace.epochs,
        rounds=pace.rounds,
        seconds=pace.seconds,
        objective=session.settings.objective,
        images=len(_scored_images(session)),
        contestants=tuple(_contestant(each, pace) for each in networks),
        incumbent=incumbent.name if incumbent else None,
        winner=None if pace.rounds else networks[0].name,
    )


def _contestant(network: BaselineNetwork, pace: Pace) -> Contestant:
    return Contestant(
        name=network.name,
        what=network.what,
        genotype=GenotypeForms.of(network.genotype),
        init_channels=network.init_channels,
        layers=network.layers,
        steps=pace.steps[network.name],
        test_seconds=pace.test_seconds[network.name],
    )


def _round(session: Session, record: Contest) -> Contest:
    """Train and score the contestants that are left for one more round."""
    number, competing = record.rounds_done, record.left
    accuracies, failures = {}, dict[str, str]()
    for each in competing:
        session.observer.note(f"Contest, round {number + 1} of {len(record.rounds)}: {each.what}.")
        try:
            accuracies[each.name] = _compete(session, record, each, number)
        except NonFiniteLossError as error:
            session.observer.note(f"The training of {each.what} failed: {error} It cannot win.")
            accuracies[each.name], failures[each.name] = 0.0, str(error)
            _store(_place(session, each), number, np.zeros(record.images, dtype=np.bool_))
            if len(failures) == len(competing):
                raise
    scored = tuple(
        each.model_copy(
            update={"accuracies": (*each.accuracies, accuracies[each.name]), "failure": failures.get(each.name)}
        )
        if each.name in accuracies
        else each
        for each in record.contestants
    )
    side = _image_side(_place(session, next(each for each in competing if each.name not in failures)))
    record = record.model_copy(update={"contestants": scored, "image_side": side})
    if number == 0:
        record = record.model_copy(update={"worth": _worth(session, record)})
    if record.incumbent in accuracies:
        best = max(accuracies, key=accuracies.__getitem__)
        beaten = _difference(session, record, (best, record.incumbent), number).low > 0
        record = record.model_copy(update={"beaten": beaten})
    return record if len(record.left) > 1 else record.model_copy(update={"winner": record.left[0].name})


def _place(session: Session, contestant: Contestant) -> RunDirectory:
    return RunDirectory(session.run.path / _FOLDER / contestant.name)


def _compete(session: Session, record: Contest, contestant: Contestant, number: int) -> float:
    """The validation accuracy of one contestant at the end of a round."""
    genotype = contestant.genotype.genotype
    train = session.settings.train.model_copy(
        update={
            **_own(session, contestant),
            "epochs": record.epochs,
            "steps_per_epoch": contestant.steps,
            "hold_out": True,
        }
    )
    changes = {**ALONE, "space": genotype.space, "genotype": genotype.to_json(), "train": train}
    with session.inside(
        f"{_FOLDER}/{contestant.name}", {**changes, "baselines": False, "contest": False, "budget": None}
    ) as child:
        child.begin()
        child.run.write("genotype.json", genotype.to_json())
        [network] = train_networks(child, genotype, until=record.rounds[number], searched=session)
        right, labels = _scored(child, network)
        _store(child.run, number, right)
    if record.objective == "accuracy":
        return float(right.mean())
    return float(np.mean([right[labels == each].mean() for each in np.unique(labels)]))


def _scored(child: Session, network: Network) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """For some validation images whether the network is right about one view of them, and their classes.

    They have the size of the images that the network was trained on last.
    """
    batches = batches_of(child, _scored_images(child), child.settings.train.augment, EVALUATION_BATCH)
    network.mirrors = False
    predicted = predict(network, batches, _image_side(child.run))
    return predicted.predicted == predicted.labels, predicted.labels


def _image_side(run: RunDirectory) -> float:
    """The side of the images in the last epoch of a training, as a share of the whole side."""
    return next(event.image_side for event in reversed(run.events.read()) if isinstance(event, TrainEpoch))


def _scored_images(session: Session) -> ImageView:
    """The validation images, or `MOST_SCORED` of them drawn at random: the same for every contestant and round."""
    view = session.splits.view(session.dataset, "validation")
    drawn = torch.randperm(len(view), generator=make_generator(session.settings.seed, "contest")).numpy()
    return replace(view, indices=np.sort(view.indices[drawn[:MOST_SCORED]]))


def _store(run: RunDirectory, number: int, right: npt.NDArray[np.bool_]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, right, allow_pickle=False)
    write_atomically(run.path / f"round-{number + 1}.npy", lambda stream: stream.write(buffer.getvalue()))


def _worth(session: Session, record: Contest) -> SearchWorth | None:
    """How much better the network found is than the random one, after the first round."""
    if "random" not in {each.name for each in record.contestants}:
        return None
    difference = _difference(session, record, (FOUND, "random"), 0)
    session.observer.note(
        "After the first round the network found differs from a random one by "
        f"{signed_points(difference.mean)} points "
        f"(95% interval {signed_points(difference.low)} to {signed_points(difference.high)})."
    )
    return SearchWorth(difference=difference.mean, interval=(difference.low, difference.high))


def _difference(session: Session, record: Contest, names: tuple[str, str], number: int) -> Difference:
    """How much better the first of two contestants is than the second after a round."""
    folder, labels = session.run.path / _FOLDER, _scored_images(session).labels
    first, second = (read_arrays(folder / name / f"round-{number + 1}.npy")[""].astype(np.bool_) for name in names)
    return paired_difference(first, second, labels if record.objective == "balanced-accuracy" else None)


def _adopt(session: Session, winner: Contestant) -> None:
    """Make what the winner has learned the beginning of the run's own training."""
    own, its = session.run, _place(session, winner)
    own.events.keep(lambda event: not isinstance(event, TrainEpoch))
    for event in its.events.read():
        if isinstance(event, TrainEpoch):
            own.events.append(event.model_copy(update={"phase": "contest"}))
    state = its.load_checkpoint("train-0", "train")
    assert state is not None
    own.save_checkpoint("train-0", "train", state)


def _own(session: Session, contestant: Contestant) -> dict[str, Any]:
    """The settings of training that a contestant has for itself; only the network found can start from a supernet."""
    start = session.settings.train.start if contestant.name == FOUND else "fresh"
    return {"init_channels": contestant.init_channels, "layers": contestant.layers, "start": start}
