"""Turns a budget into settings: steps are timed on this machine, then sizes and lengths are chosen."""

from collections.abc import Collection, Sequence

from dartboard.budget.account import Account
from dartboard.budget.searches import plan_search
from dartboard.budget.trainings import TrainingPlan, seeds_compared
from dartboard.budget.typical import typical_genotype
from dartboard.parts.recipe import make_recipe
from dartboard.session.baselines import is_comparable
from dartboard.session.session import Session
from dartboard.settings.published import smallest_in
from dartboard.settings.tree import AutomaticChoice, Step
from dartboard.space import Genotype, get_space

__all__ = ["plan_budget"]

_SEARCH_SHARE, _SEARCH_SHARE_BESIDE_BASELINES = 0.3, 0.1
"""Share of the time for the search, in a run that also trains: without baselines, and with them."""


def plan_budget(
    session: Session, steps: Sequence[Step], given: Collection[str], genotype: Genotype | None
) -> tuple[list[AutomaticChoice], dict[str, float]]:
    """Choose sizes and lengths for which the rest of the budget is enough.

    Args:
        session: the session, with the data read, and space and method chosen.
        steps: steps of the command.
        given: dotted names of the settings that must not be chosen automatically.
        genotype: the architecture to train, where it is known.

    Returns:
        The automatic choices, and the planned seconds of each phase.

    Raises:
        BudgetError: the budget is too small for the shortest run, or for the lengths that the user gave.
    """
    account = Account(session, {*given, *_depth_of_method(session)})
    searches, trains = "search" in steps, "train" in steps
    if searches:
        plan_search(account, _search_share(session, trains=trains))
    if trains or _compares(session):
        typical = genotype or typical_genotype(session)
        TrainingPlan(account, typical, searches=searches, trains=trains).make()
    account.check()
    return account.choices, account.timetable


def _depth_of_method(session: Session) -> Collection[str]:
    """The depth of the supernet as a setting that is not chosen, where the method makes its stages from a fixed one."""
    settings = session.settings
    recipe = make_recipe(settings.method.name, settings.method.options)
    return smallest_in(get_space(settings.space), recipe).settings.keys() & {"search.layers"}


def _search_share(session: Session, *, trains: bool) -> float:
    """The share of the time for all searches together."""
    if not trains:
        return 0.5 if _compares(session) else 1.0
    compared = session.settings.baselines and is_comparable(session)
    return _SEARCH_SHARE_BESIDE_BASELINES if compared else _SEARCH_SHARE


def _compares(session: Session) -> bool:
    """Whether short trainings will compare seeds or finalists."""
    return session.settings.finalists > 1 or seeds_compared(session) > 0
