"""Chooses size and length of a search, within its part of the budget."""

from functools import partial
from typing import Any

from dartboard.budget.account import Account
from dartboard.budget.arithmetic import SEARCH_STEPS, SearchRate, Size, choose_size, search_sizes, search_within
from dartboard.budget.discrete import plan_discrete
from dartboard.budget.timing import measure_search
from dartboard.budget.typical import typical_genotype
from dartboard.engine.problem import SupernetRequest
from dartboard.engine.schedule import judging_share
from dartboard.parts.recipe import initial_live
from dartboard.runs import Length
from dartboard.session.search import decision_trials, only_draws, search_recipe, supernet_spec
from dartboard.session.session import Session
from dartboard.session.sizes import with_size
from dartboard.space import get_space
from dartboard.supernet.cost import values_written
from dartboard.wording import duration

__all__ = ["plan_search"]

_LEAST_STEPS = 10
"""Steps of the shortest search."""

_LEAST_LEARNING = 1 / 4
"""Share of the time of a search that is left for its steps where the trials of decisions would take more."""

_ADAPTIVE = "a decision takes 2,000 images, and more where its best two candidates cannot be told apart"


def plan_search(account: Account, share: float) -> None:
    """Choose size and length of the search.

    Args:
        account: receives the automatic choices and the planned seconds of the search.
        share: share of the unused time that all searches together get.
    """
    settings = account.session.settings
    recipe = search_recipe(settings)
    if only_draws(settings):
        account.timetable["search"] = 0.0
        return
    count = len(settings.seeds or (settings.seed,))
    part = share * account.left / count
    if "search.seconds" in account.given and settings.search.seconds:
        part = settings.search.seconds
    if recipe.discrete:
        plan_discrete(account, recipe.discrete, part, count, typical_genotype(account.session))
        return
    learning, tries = 1 - judging_share(recipe.stages[-1].recipe), decision_trials(settings).trials > 0
    if tries:
        account.choose("search.decision_images", "adaptive", _ADAPTIVE)
    adaptive: dict[str, Any] = {"decision_images": "adaptive"} if tries else {}
    adaptive = {} if "search.decision_images" in account.given else adaptive

    def learned(rate: SearchRate) -> float:
        """Seconds for the steps: trials have time of their own, which may go beyond the part of the search."""
        whole = learning * part
        return whole if "search.seconds" in account.given else max(whole - rate.trials, _LEAST_LEARNING * whole)

    sizes = account.allowed("search", search_sizes(get_space(settings.space)))
    size, rate = choose_size(
        sizes,
        partial(_work, account.session),
        lambda size: measure_search(account.session, init_channels=size.channels, layers=size.layers, **adaptive),
        lambda _, rate: learned(rate) >= SEARCH_STEPS * rate.step and account.fits_memory(rate),
    )
    length, share_scored, seconds = _length(account, rate, learned(rate))
    account.timetable["search"] = count * (seconds / learning + rate.trials)
    account.least += count * (min(seconds, _LEAST_STEPS * rate.step) + rate.trials)
    account.choose_size("search", size, sizes, f"leaves time for {SEARCH_STEPS} steps in {duration(part)}")
    paced = f"{duration(part)} for the search, {1000 * rate.step:.0f} ms a step"
    account.choose("search.epochs", length.epochs, paced)
    account.choose("search.steps_per_epoch", length.steps, paced)
    account.choose("search.seconds", round(max(seconds / learning, 1.0), 3), paced)
    if share_scored < 1 and settings.search.validation_images:
        images = max(64, int(share_scored * settings.search.validation_images))
        account.choose("search.validation_images", images, "scoring the supernet may take a seventh of the search")


def _length(account: Account, rate: SearchRate, seconds: float) -> tuple[Length, float, float]:
    """The length of a search that learns for `seconds`, the share of the scoring images it uses, and its duration."""
    settings = account.session.settings.search
    asked = settings.epochs if "search.epochs" in account.given else None
    length, scored = search_within(rate, seconds, epochs=asked)
    if "search.steps_per_epoch" in account.given and settings.steps_per_epoch:
        length = Length(length.epochs, settings.steps_per_epoch)
        return length, scored, rate.seconds(length, share=0.0)
    return length, scored, rate.seconds(length, scored)


def _work(session: Session, size: Size) -> float:
    """Number of tensor elements that a step of the first stage writes; the time of the step grows with it."""
    tried = with_size(session, "search", {"init_channels": size.channels, "layers": size.layers})
    stage = search_recipe(tried.settings).stages[0].recipe
    live = initial_live(stage, get_space(tried.settings.space))
    spec = supernet_spec(tried, SupernetRequest(0, stage.mixing, live, stage.deeper))
    height, width = tried.dataset.image_shape[1:]
    return float(values_written(spec, tried.settings.search.batch_size, (height, width)))
