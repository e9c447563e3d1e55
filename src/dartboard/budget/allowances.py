"""How long each training of a budgeted run may be: what time is left when they begin is shared out among them."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from pydantic import TypeAdapter

from dartboard.budget.arithmetic import TrainingRate, most_epochs, training_lengths
from dartboard.budget.planner import reserve
from dartboard.budget.timing import measure_training
from dartboard.records.allowances import Lot
from dartboard.session.baselines import BaselineNetwork, find_baselines, is_comparable
from dartboard.session.session import Session
from dartboard.space import Genotype
from dartboard.training import Pace

__all__ = ["FOUND", "allot_trainings", "remaining_lot"]

FOUND = "found"
"""Name of the network that was found, beside those of the baselines."""

_LEAST_EPOCHS = 2
_ROUNDS = 2
_KEPT_BACK = 0.03
"""Share of the first network's time that it leaves to the others, so that a machine which becomes a little slower does
not keep them from as many steps."""


def allot_trainings(session: Session, genotype: Genotype) -> dict[str, Lot]:
    """Measure a step of every network that is to be trained, and give all of them as many steps as there is time for.

    Recorded in `allowances.json`, so that a resumed run keeps to it.

    Args:
        session: data read, the search done.
        genotype: the network that is trained; after a search, with the setting `baselines`, others are too.

    Returns:
        Lots by name, `FOUND` first; empty without a budget, or where the epochs were given.
    """
    run, train, splits = session.run, session.settings.train, session.splits
    decided = {decision.setting for decision in session.settings.decisions}
    if session.settings.budget is None or "train.epochs" not in decided:
        return {}
    given = None if "train.steps_per_epoch" in decided else train.steps_per_epoch
    if run.has("allowances.json"):
        return run.read_as("allowances.json", TypeAdapter(dict[str, Lot]).validate_python)
    networks = [BaselineNetwork("the network found", genotype, train.init_channels, train.layers, FOUND)]
    if session.settings.genotype is None and session.settings.baselines and is_comparable(session):
        networks += find_baselines(session, genotype)
    rates = _measure_in_turn(session, networks)
    images, scored = len(splits.train), len(splits.validation)
    tests = {name: len(splits.test) * rate.image for name, rate in rates.items()}
    together = TrainingRate(
        step=math.fsum(rate.step for rate in rates.values()),
        image=math.fsum(rate.image for rate in rates.values()),
        available=next(iter(rates.values())).available,
        memory=0,
    ).limited(given)
    left = _time_left(session) / train.runs - math.fsum(tests.values())
    lengths = training_lengths(together, left, images=images, scored=scored)
    epochs, steps = max(_LEAST_EPOCHS, lengths.epochs), lengths.steps or together.available
    lots = {
        name: Lot(
            epochs=epochs,
            steps=steps,
            seconds=max(0.0, left) * rate.epoch(steps, scored) / together.epoch(steps, scored),
            test_seconds=tests[name],
            most_epochs=max(epochs, most_epochs(images)),
            most_steps=together.available,
        )
        for name, rate in rates.items()
    }
    if len(lots) > 1:
        lots[FOUND] = lots[FOUND].model_copy(update={"seconds": (1 - _KEPT_BACK) * lots[FOUND].seconds})
    run.write("allowances.json", {name: lot.model_dump() for name, lot in lots.items()})
    return lots


def remaining_lot(session: Session, lots: Mapping[str, Lot], name: str, *, length: Pace, worked: float) -> Lot:
    """The lot of a later network: the length of the first, and its share of what time is left.

    Args:
        session: a run with a budget.
        lots: of all networks, in the order in which they are trained.
        name: of this one.
        length: that the first network came to.
        worked: seconds that this one has been trained already.
    """
    names = list(lots)
    later = [lots[each] for each in names[names.index(name) :]]
    left = _time_left(session) / session.settings.train.runs - sum(lot.test_seconds for lot in later)
    share = lots[name].seconds / sum(lot.seconds for lot in later)
    return Lot(
        epochs=length.epochs,
        steps=length.steps,
        seconds=max(0.0, share * left) + worked,
        test_seconds=lots[name].test_seconds,
        most_epochs=length.epochs,
        most_steps=length.steps,
    )


def _measure_in_turn(session: Session, networks: Sequence[BaselineNetwork]) -> dict[str, TrainingRate]:
    """What each costs; in turn and more than once, so that a machine whose speed changes is the same for all."""
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


def _time_left(session: Session) -> float:
    """Seconds of the budget that are left for trainings and tests."""
    budget = session.settings.budget
    assert budget is not None
    return budget - session.spent - reserve(budget)
