"""How long each training of a budgeted run may be: what time is left when they begin is shared out among them."""

import math
from collections.abc import Mapping

from pydantic import TypeAdapter

from dartboard.pipeline.budget import Lot, TrainingRate, most_epochs, training_lengths
from dartboard.pipeline.planning import reserve
from dartboard.pipeline.probing import measure_training
from dartboard.pipeline.session import Session
from dartboard.pipeline.standards import Standard, find_standards, is_comparable
from dartboard.space import Genotype

__all__ = ["FOUND", "allot_trainings", "remaining_lot"]

FOUND = "found"
"""Name of the network that was found, beside those of the yardsticks."""

_LEAST_EPOCHS = 2


def allot_trainings(session: Session, genotype: Genotype) -> dict[str, Lot]:
    """Measure a step of every network that is to be trained, and give all of them as many epochs as there is time for.

    Recorded in `lots.json`, so that a resumed run keeps to it.

    Args:
        session: data read, the search done.
        genotype: the network that is trained; after a search, with the setting `yardsticks`, others are too.

    Returns:
        Lots by name, `FOUND` first; empty without a budget, or where the epochs were given.
    """
    run, train, splits = session.run, session.settings.train, session.splits
    decided = {decision.setting for decision in session.settings.decisions}
    if session.settings.budget is None or "train.epochs" not in decided:
        return {}
    given = None if "train.steps_per_epoch" in decided else train.steps_per_epoch
    if run.has("lots.json"):
        return run.read_as("lots.json", TypeAdapter(dict[str, Lot]).validate_python)
    networks = [Standard(FOUND, "the network found", genotype, train.init_channels, train.layers)]
    if session.settings.genotype is None and session.settings.yardsticks and is_comparable(session):
        networks += find_standards(session, genotype)
    rates = {
        each.name: measure_training(session, each.genotype, init_channels=each.init_channels, layers=each.layers)
        for each in networks
    }
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
    epochs, steps = max(_LEAST_EPOCHS, lengths.epochs), lengths.steps or given
    most = math.ceil(most_epochs(images) * together.available / (steps or together.available))
    lots = {
        name: Lot(
            epochs=epochs,
            steps=steps,
            seconds=epochs * rate.epoch(steps, scored),
            test_seconds=tests[name],
            most=max(epochs, most),
        )
        for name, rate in rates.items()
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
