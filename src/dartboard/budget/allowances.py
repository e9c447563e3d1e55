"""How long each training of a run with a budget may take: the time that is left is shared among the trainings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from dartboard.budget.arithmetic import TrainingRate, most_epochs, reserve, training_within
from dartboard.budget.timing import measure_training, time_training
from dartboard.records import Allowance, Allowances, Contest, survivors
from dartboard.runs import Length, TrainEpoch
from dartboard.session.baselines import (
    FOUND,
    BaselineNetwork,
    find_baselines,
    find_rivals,
    network_found,
    trains_baselines,
)
from dartboard.session.search import only_draws
from dartboard.session.session import Session
from dartboard.session.sizes import train_epochs
from dartboard.session.training import learned_images, num_scored
from dartboard.space import Genotype, get_space

__all__ = [
    "CONTEST_PARTS",
    "MOST_SCORED",
    "ROUND_SECONDS",
    "Pace",
    "allot_trainings",
    "contest_costs",
    "contest_pace",
    "contestants",
    "has_time_for_rounds",
    "needs_rounds",
    "remaining_allowance",
    "rounds_tell",
]

CONTEST_PARTS = 48
"""A round of a contest is this part of a whole training."""

MOST_SCORED = 2000
"""Validation images that score a contestant at most: scoring takes time that the training could use."""

ROUND_SECONDS, ROUND_PASSES = 8.0, 0.5
"""A contest that the user did not ask for, among networks that no search has found, has no rounds if they would be
shorter than this, in seconds or in passes over the images: networks that learn fast at first would win them."""

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
    if not _keeps_to_budget(session):
        return {}
    if recorded := Allowances.find(run.path):
        return dict(recorded.networks)
    if contest := Contest.find(run.path):
        allowances = {FOUND: _winners_allowance(session, contest)}
        Allowances.of(allowances).write(run.path)
        return allowances
    allowances = _share_out(session, _measure_in_turn(session, _networks(session, genotype)))
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


def _networks(session: Session, genotype: Genotype) -> list[BaselineNetwork]:
    """All networks that will be trained, the network found first."""
    others = find_baselines(session, genotype) if trains_baselines(session) else ()
    return [network_found(session, genotype), *others]


@dataclass(frozen=True)
class Pace:
    """The length of a contest and of the training of its winner.

    Attributes:
        epochs: epochs of a whole training.
        rounds: number of epochs that the contestants have been trained for at the end of each round; empty where there
            is no time for any.
        seconds: expected seconds of an epoch, the same for all contestants; None without a budget.
        steps: name of a contestant -> number of steps in an epoch.
        test_seconds: name of a contestant -> expected seconds of its test.
    """

    epochs: int
    rounds: tuple[int, ...]
    seconds: float | None
    steps: Mapping[str, int]
    test_seconds: Mapping[str, float]


def contestants(session: Session, genotype: Genotype) -> list[BaselineNetwork]:
    """The network found, first, and what competes with it."""
    return [network_found(session, genotype), *find_rivals(session, genotype)]


def contest_costs(number: int) -> tuple[int, int]:
    """The number of rounds of a contest, and its cost together with the training of the winner.

    >>> contest_costs(4)
    (2, 52)

    Args:
        number: number of contestants.

    Returns:
        The number of rounds, in each of which every network that is left is trained for one part of a whole training
        (`CONTEST_PARTS` parts). And the parts that the rounds and the rest of the winner's training take: for four
        networks 4 + 2 + 46.
    """
    rounds, parts, left = 0, 0, number
    while left > 1:
        rounds, parts, left = rounds + 1, parts + left, survivors(left)
    return rounds, parts + CONTEST_PARTS - rounds


def has_time_for_rounds(session: Session, networks: Sequence[BaselineNetwork]) -> bool:
    """Whether the time that is left suffices for rounds that tell something, or any rounds will do."""
    settings = session.settings
    if not _keeps_to_budget(session) or "contest" not in _chosen(session) or needs_rounds(session):
        return True
    images, train = len(learned_images(session)), settings.train
    steps = train_epochs(session) * (train.steps_per_epoch or images // min(images, train.batch_size))
    seconds = _time_left(session) / contest_costs(len(networks))[1]
    return rounds_tell(seconds, steps * train.batch_size / images)


def needs_rounds(session: Session) -> bool:
    """Whether a contest has rounds however short they are.

    It has them after a search, which would be in vain without them; where several random architectures compete; and in
    a space without a known good network, which could be trained instead.
    """
    settings = session.settings
    is_known = get_space(settings.space).known is not None
    return bool(settings.contest_random) or not only_draws(settings) or not is_known


def rounds_tell(seconds: float, passes: float) -> bool:
    """Whether rounds of so many seconds, of a training of so many passes over the images, tell which network is best.

    >>> rounds_tell(12.0, 8.0), rounds_tell(12.0, 30.0)
    (False, True)
    """
    return seconds >= ROUND_SECONDS and passes / CONTEST_PARTS >= ROUND_PASSES


def contest_pace(session: Session, networks: Sequence[BaselineNetwork]) -> Pace:
    """Measure a step of every contestant that is not timed yet, and share the time that is left equally among them.

    Without a budget nothing is measured: all contestants get the same number of steps, by the settings.

    Args:
        session: the session, with the data read and the search done.
        networks: the contestants.
    """
    rounds, parts = contest_costs(len(networks))
    images, train = len(session.splits.train), session.settings.train
    available = images // min(images, train.batch_size)
    if not _keeps_to_budget(session):
        epochs, steps = train_epochs(session), min(available, train.steps_per_epoch or available)
        ends = [max(1, round(epochs * (number + 1) / CONTEST_PARTS)) for number in range(rounds)]
        names = [each.name for each in networks]
        return Pace(epochs, tuple(ends), None, dict.fromkeys(names, steps), dict.fromkeys(names, 0.0))
    rates = {
        each.name: measure_training(session, each.genotype, init_channels=each.init_channels, layers=each.layers)
        for each in networks
    }
    tests = {name: len(session.splits.test) * rate.image for name, rate in rates.items()}
    cheapest = min(rate.step for rate in rates.values())
    if "train.steps_per_epoch" not in _chosen(session):
        available = min(available, train.steps_per_epoch or available)
    scored = (parts - CONTEST_PARTS + rounds) * min(MOST_SCORED, len(session.splits.validation))
    scoring = scored * max(rate.image for rate in rates.values())
    part = max(0.0, _time_left(session) - max(tests.values()) - scoring) / parts
    epochs_of_part = max(1, math.ceil(part / (available * cheapest)))
    seconds = part / epochs_of_part
    return Pace(
        epochs=CONTEST_PARTS * epochs_of_part,
        rounds=tuple(epochs_of_part * (number + 1) for number in range(rounds)),
        seconds=seconds,
        steps={name: max(1, min(available, math.floor(seconds / rate.step))) for name, rate in rates.items()},
        test_seconds=tests,
    )


def _winners_allowance(session: Session, contest: Contest) -> Allowance:
    """The time that is left, and the time that the winner was trained for in the contest."""
    winner, images = contest.chosen, len(learned_images(session))
    trained = [event.seconds for event in session.run.events.read() if isinstance(event, TrainEpoch)]
    return Allowance(
        epochs=contest.epochs,
        steps=winner.steps,
        seconds=max(0.0, _time_left(session) - winner.test_seconds) + math.fsum(trained),
        test_seconds=winner.test_seconds,
        most_epochs=max(contest.epochs, most_epochs(images)),
        most_steps=max(winner.steps, images // min(session.settings.train.batch_size, images)),
        alone=session.settings.train.runs == 1,
    )


def _share_out(session: Session, rates: Mapping[str, TrainingRate]) -> dict[str, Allowance]:
    """The allowance of each network: all get the same length, and the time in proportion to their cost."""
    train, images, scored = session.settings.train, len(learned_images(session)), num_scored(session)
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
            alone=len(rates) == train.runs == 1,
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
            time_training(session, each.genotype, init_channels=each.init_channels, layers=each.layers)
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


def _keeps_to_budget(session: Session) -> bool:
    """Whether a budget decides how long the trainings are."""
    return session.settings.budget is not None and "train.epochs" in _chosen(session)


def _chosen(session: Session) -> set[str]:
    """Names of the settings that were chosen automatically."""
    return {choice.setting for choice in session.settings.automatic_choices}


def _time_left(session: Session) -> float:
    """Seconds of the budget that are left for trainings and tests."""
    budget = session.settings.budget
    assert budget is not None
    return budget - session.spent - reserve(budget)
