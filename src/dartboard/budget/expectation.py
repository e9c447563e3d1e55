"""How long a command will take whose lengths are given: its steps are timed here for about a second."""

from collections.abc import Sequence

from dartboard.budget.allowances import CONTEST_PARTS, contest_costs
from dartboard.budget.discrete import discrete_seconds
from dartboard.budget.timing import measure_search, measure_training
from dartboard.budget.trainings import seeds_compared
from dartboard.budget.typical import typical_genotype
from dartboard.runs import Length
from dartboard.session.baselines import find_baselines, holds_contest, trains_baselines
from dartboard.session.search import only_draws, search_recipe
from dartboard.session.session import Session
from dartboard.session.sizes import search_length, train_epochs
from dartboard.session.training import holding_out, learned_images, num_scored
from dartboard.settings.tree import Step
from dartboard.space import Genotype

__all__ = ["expected_seconds", "is_short"]

_FEW_STEPS = 150
"""A command of fewer steps is over before it is worth a forecast: its first epoch tells as much."""


def is_short(session: Session, steps: Sequence[Step]) -> bool:
    """Whether a command takes so few steps that nothing needs to be timed before it."""
    settings, wanted = session.settings, 0
    discrete = search_recipe(settings).discrete
    if "search" in steps and discrete:
        # A table is looked up at once; trainings of architectures are worth a forecast, however short each is.
        wanted += 0 if settings.search.evaluate == "table" else _FEW_STEPS
    elif "search" in steps and not only_draws(settings):
        length, images = search_length(session), len(session.splits.weights)
        whole = max(1, images // settings.search.batch_size)
        wanted += len(settings.seeds or (0,)) * length.epochs * min(length.steps or whole, whole)
    if "train" in steps:
        whole = max(1, len(learned_images(session)) // settings.train.batch_size)
        networks = settings.train.runs * (4 if settings.baselines or settings.contest else 1)
        wanted += networks * train_epochs(session) * min(settings.train.steps_per_epoch or whole, whole)
    return wanted < _FEW_STEPS


def expected_seconds(session: Session, steps: Sequence[Step], genotype: Genotype | None) -> dict[str, float]:
    """Seconds that each phase of a command will take, by the speed of a few steps on this machine now.

    What is found may be cheaper or dearer than the architecture that is timed, a typical one of the space, and
    baselines are taken to cost as much as the network found.

    Args:
        session: session with all settings; nothing is recorded yet.
        steps: steps of the command.
        genotype: the architecture to train, where it is known.
    """
    settings, expected = session.settings, dict[str, float]()
    searches, trains = "search" in steps, "train" in steps
    if searches and (discrete := search_recipe(settings).discrete):
        each = discrete_seconds(session, discrete, typical_genotype(session))
        expected["search"] = len(settings.seeds or (0,)) * each
    elif searches and not only_draws(settings):
        rate = measure_search(session)
        searching = rate.seconds(search_length(session), share=1.0) + rate.trials
        expected["search"] = len(settings.seeds or (0,)) * searching
    compared = seeds_compared(session) if searches else 0
    finalists = settings.finalists if searches and settings.finalists > 1 else 0
    if not trains and not compared and not finalists:
        return expected
    typical = genotype or typical_genotype(session)
    training_rate = measure_training(session, typical)
    epochs, scored = train_epochs(session), num_scored(session)
    training = training_rate.seconds(Length(epochs, settings.train.steps_per_epoch), scored)
    seen = len(holding_out(session).splits.train) / len(session.splits.train)
    short = min(settings.short_train_epochs, epochs) / epochs * seen * training
    if compared:
        expected["search"] = expected.get("search", 0.0) + compared * short
    if finalists:
        expected["finalists"] = finalists * short
    if trains:
        test = len(session.splits.test) * training_rate.image
        number = 1 + (settings.contest_random or sum(1 for _ in find_baselines(session, typical)))
        if searches and holds_contest(session):
            expected["contest"] = (contest_costs(number)[1] / CONTEST_PARTS - 1) * training
        expected["train"] = settings.train.runs * training
        expected["evaluation"] = settings.train.runs * test
        if searches and trains_baselines(session):
            expected["baselines"] = (number - 1) * settings.train.runs * (training + test)
    return expected
