"""How long each training of a budgeted run may be: what time is left when they begin is shared out among them."""

import math
from collections.abc import Mapping

from dartboard.pipeline.budget import Lot
from dartboard.pipeline.planning import reserve
from dartboard.pipeline.probing import measure_training
from dartboard.pipeline.session import Session
from dartboard.pipeline.standards import Standard, find_standards, is_comparable
from dartboard.space import Genotype

__all__ = ["FOUND", "allot_trainings", "remaining_lot"]

FOUND = "found"
"""Name of the network that was found, beside those of the yardsticks."""

_LEAST_EPOCHS = 2
_MOST_GROWTH = 2


def allot_trainings(session: Session, genotype: Genotype) -> dict[str, Lot]:
    """Measure a step of every network that is to be trained, and give all of them as many epochs as there is time for.

    Recorded in `lots.json`, so that a resumed run keeps to it.

    Args:
        session: data read, the search done.
        genotype: the network that is trained; with the setting `yardsticks` others are trained after it.

    Returns:
        Lots by name, `FOUND` first; empty without a budget, or where the epochs were given.
    """
    run, train, splits = session.run, session.settings.train, session.splits
    planned = any(decision.setting == "train.epochs" for decision in session.settings.decisions)
    if session.settings.budget is None or not planned:
        return {}
    if run.has("lots.json"):
        return {name: Lot.model_validate(lot) for name, lot in run.read("lots.json").items()}
    networks = [Standard(FOUND, "the network found", genotype, train.init_channels, train.layers)]
    if session.settings.yardsticks and is_comparable(session):
        networks += find_standards(session, genotype)
    rates = {
        each.name: measure_training(session, each.genotype, init_channels=each.init_channels, layers=each.layers)
        for each in networks
    }
    epochs = {name: rate.epoch(train.steps_per_epoch, len(splits.validation)) for name, rate in rates.items()}
    tests = {name: len(splits.test) * rate.image for name, rate in rates.items()}
    assert train.epochs is not None
    fitting = math.floor((_time_left(session) / train.runs - sum(tests.values())) / sum(epochs.values()))
    number = max(_LEAST_EPOCHS, min(fitting, _MOST_GROWTH * train.epochs))
    lots = {
        name: Lot(epochs=number, seconds=number * seconds, test_seconds=tests[name], most=_MOST_GROWTH * number)
        for name, seconds in epochs.items()
    }
    run.write("lots.json", {name: lot.model_dump() for name, lot in lots.items()})
    return lots


def remaining_lot(session: Session, lots: Mapping[str, Lot], name: str, *, epochs: int, worked: float) -> Lot:
    """The lot of a later network: the epochs of the first, and its share of what time is left.

    Args:
        session: a run with a budget.
        lots: of all networks, in the order in which they are trained.
        name: of this one.
        epochs: that the first network came to.
        worked: seconds that this one has been trained already.
    """
    names = list(lots)
    later = [lots[each] for each in names[names.index(name) :]]
    left = _time_left(session) / session.settings.train.runs - sum(lot.test_seconds for lot in later)
    share = lots[name].seconds / sum(lot.seconds for lot in later)
    seconds = max(0.0, share * left) + worked
    return lots[name].model_copy(update={"epochs": epochs, "seconds": seconds, "most": epochs})


def _time_left(session: Session) -> float:
    """Seconds of the budget that are left for trainings and tests."""
    budget = session.settings.budget
    assert budget is not None
    return budget - session.spent - reserve(budget)
