"""A budget turned into settings: what steps take here is measured, then sizes and lengths follow."""

from collections.abc import Collection, Sequence
from statistics import quantiles

from dartboard.budget.account import Account
from dartboard.budget.searches import plan_search
from dartboard.budget.trainings import TrainingPlan, seeds_compared
from dartboard.parts.selection.trying import UniformlyRandom
from dartboard.runs import make_generator
from dartboard.session.baselines import is_comparable
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan
from dartboard.settings.tree import AutomaticChoice, Step
from dartboard.space import Genotype, get_space, network_cost

__all__ = ["plan_budget"]

_SEARCH_SHARE, _SEARCH_SHARE_BESIDE_BASELINES = 0.3, 0.2
"""The share of the time that the search of a whole run gets, without baselines and with them."""

_DRAWN = 15
"""Architectures of which one stands for those that a search may find."""


def plan_budget(
    session: Session, steps: Sequence[Step], given: Collection[str], genotype: Genotype | None
) -> tuple[list[AutomaticChoice], dict[str, float]]:
    """Choose sizes and lengths so that what is left of the budget suffices.

    Args:
        session: data read, space and method chosen.
        steps: of the command.
        given: dotted names of the settings that are not to be chosen.
        genotype: what is trained, where it is known.

    Returns:
        The choices, and the seconds planned by phase.

    Raises:
        BudgetError: the budget is too small for the least that could be called a run, or for what was given.
    """
    account = Account(session, given)
    searches, trains = "search" in steps, "train" in steps
    if searches:
        plan_search(account, _search_share(session, trains=trains))
    if trains or _compares(session):
        typical = genotype or _typical_genotype(session)
        TrainingPlan(account, typical, searches=searches, trains=trains).make()
    account.check()
    return account.choices, account.timetable


def _search_share(session: Session, *, trains: bool) -> float:
    """The share of the time that the searches get."""
    if not trains:
        return 0.5 if _compares(session) else 1.0
    compared = session.settings.baselines and is_comparable(session)
    return _SEARCH_SHARE_BESIDE_BASELINES if compared else _SEARCH_SHARE


def _compares(session: Session) -> bool:
    """Whether it is asked for that short trainings choose among what the searches find."""
    return session.settings.finalists > 1 or seeds_compared(session) > 0


def _typical_genotype(session: Session) -> Genotype:
    """Of some architectures drawn from the space one at the upper quartile of cost: few searches find cheap ones."""
    space, plan = get_space(session.settings.space), network_plan(session, "train")
    height, width = session.dataset.image_shape[1:]
    generator = make_generator(session.settings.seed, "probe-genotypes")
    drawn = [UniformlyRandom()(space, {}, generator) for _ in range(_DRAWN)]
    costs = [network_cost(space, each, plan, (height, width)).multiply_adds for each in drawn]
    wanted = quantiles(costs, n=4)[2]
    return min(zip(costs, drawn, strict=True), key=lambda pair: abs(pair[0] - wanted))[1]
