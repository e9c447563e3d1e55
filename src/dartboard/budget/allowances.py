"""How long each training of a run with a budget may take: the time that is left is shared among the trainings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from dartboard.budget.arithmetic import TrainingRate, most_epochs, reserve, training_within
from dartboard.budget.timing import measure_training
from dartboard.records import Allowance, Allowances
from dartboard.runs import Length
from dartboard.session.baselines import BaselineNetwork, find_baselines, is_comparable
from dartboard.session.session import Session
from dartboard.space import Genotype

__all__ = ["FOUND", "allot_trainings", "remaining_allowance"]

FOUND = "found"
"""Name of the network found, beside the names of the baselines."""

_LEAST_EPOCHS = 2
_ROUNDS = 2
_KEPT_BACK = 0.03
"""Share of its time that the first network leaves to the others, so that they get as many steps even if the machine
becomes a little slower."""


def allot_trainings(session: Session, genotype: Genotype) -> dict[str, Allowance]:
    """Measure a step of every network that will be trained, and give all of them the same number of steps.

    The number is the largest that the time allows. `allowances.json` records the allowances for a resumed run.

    Args:
        session: the session, with the data read and the search done.
        genotype: architecture of the network found; after a search, the setting `baselines` adds the baselines.

    Returns:
        Allowances by name of the network, `FOUND` first; empty without a budget, or where the user gave the epochs.
    """
    run = session.run
    if session.settings.budget is None or "train.epochs" not in _chosen(session):
        return {}
    if recorded := Allowances.find(run.path):
        return dict(recorded.networks)
    allowances = _share_out(session, _measure_in_turn(session, list(_networks(session, genotype))))
    Allowances.of(allowances).write(run.path)
    return allowances


def remaining_allowance(
    session: Session, allowances: Mapping[str, Allowance], name: str, *, length: Length, worked: float
) -> Allowance:
    """The allowance of a later network: the length of the first training, and a share of the time that is left.

    Args:
        session: session of a run with a budget.
        allowances: allowances of all networks, in the order of their training.
        name: name of this network.
        length: epochs and steps that the first network was trained for.
        worked: seconds that this network has been trained for already.
    """
    names = list(allowances)
    later = [allowances[each] for each in names[names.index(name) :]]
    left = _time_left(session) / session.settings.train.runs - sum(each.test_seconds for each in later)
    wanted = sum(each.seconds for each in later)
    share = allowances[name].seconds / wanted if wanted else 1 / len(later)  # wanted is 0 where no time was left
    assert length.steps is not None
    return Allowance(
        epochs=length.epochs,
        steps=length.steps,
        seconds=max(0.0, share * left) + worked,
        test_seconds=allowances[name].test_seconds,
        most_epochs=length.epochs,
        most_steps=length.steps,
    )


def _networks(session: Session, genotype: Genotype) -> Iterator[BaselineNetwork]:
    """All networks that will be trained, the network found first."""
    settings = session.settings
    size = settings.train
    yield BaselineNetwork("the network found", genotype, size.init_channels, size.layers, FOUND)
    if settings.genotype is None and settings.baselines and is_comparable(session):
        yield from find_baselines(session, genotype)


def _share_out(session: Session, rates: Mapping[str, TrainingRate]) -> dict[str, Allowance]:
    """The allowance of each network: all get the same length, and the time in proportion to their cost."""
    train, images, scored = session.settings.train, len(session.splits.train), len(session.splits.validation)
    tests = {name: len(session.splits.test) * rate.image for name, rate in rates.items()}
    together = TrainingRate(
        step=math.fsum(rate.step for rate in rates.values()),
        image=math.fsum(rate.image for rate in rates.values()),
        available=next(iter(rates.values())).available,
        memory=0,
    ).limited(None if "train.steps_per_epoch" in _chosen(session) else train.steps_per_epoch)
    left = _time_left(session) / train.runs - math.fsum(tests.values())
    length = training_within(together, left, images=images, scored=scored)
    epochs, steps = max(_LEAST_EPOCHS, length.epochs), length.steps or together.available
    allowances = {
        name: Allowance(
            epochs=epochs,
            steps=steps,
            seconds=max(0.0, left) * rate.epoch(steps, scored) / together.epoch(steps, scored),
            test_seconds=tests[name],
            most_epochs=max(epochs, most_epochs(images)),
            most_steps=together.available,
        )
        for name, rate in rates.items()
    }
    if len(allowances) > 1:
        shortened = (1 - _KEPT_BACK) * allowances[FOUND].seconds
        allowances[FOUND] = allowances[FOUND].model_copy(update={"seconds": shortened})
    return allowances


def _measure_in_turn(session: Session, networks: Sequence[BaselineNetwork]) -> dict[str, TrainingRate]:
    """The cost of a step of each network, measured in turn and repeatedly, so that a change of speed affects all."""
    rounds = [
        [
            measure_training(session, each.genotype, init_channels=each.init_channels, layers=each.layers)
            for each in networks
        ]
        for _ in range(_ROUNDS)
    ]
    return {
        each.name: TrainingRate(
            step=fmean(rate.step for rate in rates),
            image=fmean(rate.image for rate in rates),
            available=rates[0].available,
            memory=rates[0].memory,
        )
        for each, rates in zip(networks, zip(*rounds, strict=True), strict=True)
    }


def _chosen(session: Session) -> set[str]:
    """Names of the settings that were chosen automatically."""
    return {choice.setting for choice in session.settings.automatic_choices}


def _time_left(session: Session) -> float:
    """Seconds of the budget that are left for trainings and tests."""
    budget = session.settings.budget
    assert budget is not None
    return budget - session.spent - reserve(budget)
