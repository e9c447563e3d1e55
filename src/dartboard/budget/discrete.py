"""Chooses how many architectures a search without a supernet evaluates within a budget, and how long it trains each."""

from dartboard.budget.account import Account
from dartboard.budget.timing import measure_training
from dartboard.parts.discrete import DiscreteSearch
from dartboard.session.session import Session
from dartboard.session.training import holding_out
from dartboard.space import Genotype
from dartboard.wording import duration

__all__ = ["discrete_seconds", "plan_discrete"]

_LEAST_STEPS = 60
"""Steps of the longest training of an architecture; with fewer, the pool shrinks instead."""

_SHARES = (1.0, 0.75, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)

_BEGINNING = 0.3
"""Seconds that the run directory of an evaluation takes."""


def discrete_seconds(session: Session, search: DiscreteSearch, typical: Genotype) -> float:
    """Seconds that a search will take by the speed of a few steps, without a budget; none where a table is asked.

    Args:
        session: with all settings.
        search: of the method.
        typical: an architecture like those that will be trained.
    """
    settings = session.settings.search
    if settings.evaluate == "table":
        return 0.0
    step, image, whole = _costs(session, typical)
    steps = min(whole, settings.steps_per_epoch or whole)
    return _seconds(session, search, steps, (step, image))


def plan_discrete(account: Account, search: DiscreteSearch, part: float, count: int, typical: Genotype) -> None:
    """Choose the size of the pool and the length of its trainings.

    Args:
        account: receives the automatic choices and the planned seconds of the search.
        search: of the method, whole.
        part: seconds for one search.
        count: number of searches.
        typical: an architecture like those that will be trained.
    """
    session = account.session
    if session.settings.search.evaluate == "table":
        account.timetable["search"] = 0.0
        return
    step, image, whole = _costs(session, typical)
    asked = session.settings.search.steps_per_epoch if "search.steps_per_epoch" in account.given else None
    share, steps = _SHARES[-1], 1
    for share in _SHARES:
        own = search.shrunk(share)
        free = part - _seconds(session, own, 0, (step, image))
        steps = asked or int(min(whole, free / (own.schedule.total_epochs * step)))
        fits = steps <= free / (own.schedule.total_epochs * step)
        if fits and steps * own.schedule.epochs[-1] >= min(_LEAST_STEPS, whole * own.schedule.epochs[-1]):
            break
    steps = max(1, steps)
    own = search.shrunk(share)
    seconds = _seconds(session, own, steps, (step, image))
    paced = f"{duration(part)} for the search, {1000 * step:.0f} ms a step"
    account.timetable["search"] = count * min(seconds, part)
    account.least += count * 2 * own.schedule.epochs[0] * step
    account.choose("search.pool_share", share, f"{paced}; the largest pool whose trainings are long enough")
    account.choose("search.steps_per_epoch", steps, paced)
    account.choose("search.seconds", round(max(part, 1.0), 3), paced)


def _costs(session: Session, typical: Genotype) -> tuple[float, float, int]:
    """Seconds of a step and of scoring an image, and the steps of a pass over the images of a training."""
    size = session.settings.search
    rate = measure_training(session, typical, init_channels=size.init_channels, layers=size.layers)
    images = len(holding_out(session).splits.train)
    return rate.step, rate.image, max(1, images // min(images, session.settings.train.batch_size))


def _seconds(session: Session, search: DiscreteSearch, steps: int, costs: tuple[float, float]) -> float:
    """Seconds of a search whose epochs have so many steps."""
    step, image = costs
    most, held = session.settings.search.validation_images, len(holding_out(session).splits.validation)
    scored = held if most is None else min(most, held)
    evaluations = search.schedule.size * 2  # levels beyond the first take fewer than as many again
    return search.schedule.total_epochs * steps * step + evaluations * (scored * image + _BEGINNING)
