"""What of a study cannot be done, found before anything starts: methods that do not fit, settings without an effect."""

from collections.abc import Callable, Mapping, Sequence

from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.errors import RecipeError, SettingsError
from dartboard.parts import METHODS
from dartboard.parts.fits import check_fit
from dartboard.parts.recipe import make_recipe
from dartboard.session.search import only_draws
from dartboard.settings import RunSettings
from dartboard.space import get_space
from dartboard.wording import listing
from dartboard.workflow.contenders import Contender
from dartboard.workflow.studies.grid import Grid

__all__ = ["refuse_given_elsewhere", "refuse_ignored", "refuse_unfit", "why_ignored", "why_unfit"]

_ELSEWHERE = {
    "method": "--methods",
    "method.name": "--methods",
    "space": "--spaces",
    "seed": "--seeds",
    "seeds": "--seeds",
    "choose": "--choose",
    "source": "--data",
    "genotype": "--methods",
    "budget": "lengths such as search.epochs, since every trial would have another length under a budget",
}
"""Settings that are dimensions of a study -> how they are given."""


def refuse_given_elsewhere(grid: Grid) -> None:
    """Refuse settings that a study gives in another way.

    Raises:
        SettingsError: there is such a setting among the shared or the varied ones.
    """
    for key in (*grid.vary, *grid.settings):
        if key in _ELSEWHERE and grid.settings.get(key, key) is not None:
            raise SettingsError(f"a study does not take the setting '{key}'; give {_ELSEWHERE[key]}.")


def why_unfit(contender: Contender, space: str) -> str:
    """Why a method does not fit a space, as the end of a sentence; empty if it does.

    Raises:
        UnknownNameError: there is no such space.
        SettingsError: the method has no such option, or the option does not fit.
    """
    recipe, found = make_recipe(contender.name, contender.layer["method"]["options"]), get_space(space)
    try:
        check_fit(recipe, found)
    except (RecipeError, SettingsError) as error:
        return str(error).partition("; choose another")[0]
    return ""


def refuse_unfit(unfit: Mapping[tuple[str, str], str]) -> None:
    """Refuse methods that do not fit a space, all of them in one sentence.

    Args:
        unfit: label of the method and space -> why it does not fit.

    Raises:
        RecipeError: there are any.
    """
    if not unfit:
        return
    reasons = "; ".join(f"{method} in {space}: {reason}" for (method, space), reason in unfit.items())
    number = f"{len(unfit)} combinations of method and space do" if len(unfit) > 1 else "one method does"
    raise RecipeError(
        f"{number} not fit ({reasons}); leave {'them' if len(unfit) > 1 else 'it'} out by --skip-unfit, or name others."
    )


def why_ignored(contender: Contender, key: str, settings: RunSettings, grid: Grid) -> str:
    """Why a varied setting changes nothing for a contender, as the end of a sentence; empty if it may change something.

    Args:
        contender: the method.
        key: dotted name of the setting.
        settings: the resolved settings of one of its trials.
        grid: the table.
    """
    method, option = contender.name, key.removeprefix("method.options.")
    if option != key:
        known = METHODS[method].options
        return "" if option in known else f"{method} has no option '{option}'"
    if key in contender.own:
        return f"{contender.label} has a value of its own"
    if key.startswith("search.") and only_draws(settings):
        return f"{method} draws architectures and searches nothing"
    if key == "search.alpha_lr_factor" and make_recipe(method, settings.method.options).update is None:
        return f"{method} has no learning rate of alpha"
    if key.startswith("train.") and grid.train == "none":
        return "nothing is trained"
    if key == "short_train_epochs" and settings.finalists == 1 and not _trains_shortly(grid.choose):
        return "nothing is trained for a short time"
    return next(
        (f"it counts only {told}" for name, counts, told in _CONDITIONS if name == key and not counts(settings)), ""
    )


def _trains_shortly(rule: str | None) -> bool:
    return bool(rule and CHOICE_RULES.made(rule, CHOICE_RULES[rule].factory).short_train)


_CONDITIONS: Sequence[tuple[str, Callable[[RunSettings], bool], str]] = (
    ("search.images", lambda s: s.search.epochs is None, "without search.epochs"),
    ("train.images", lambda s: s.train.epochs is None, "without train.epochs"),
    ("search.start_lead", lambda s: s.search.start_at is not None, "with search.start_at"),
    ("search.watch_share", lambda s: bool(s.search.watch), "with search.watch"),
    ("train.muon_lr", lambda s: s.train.optimizer == "muon", "with train.optimizer=muon"),
    ("train.muon_momentum", lambda s: s.train.optimizer == "muon", "with train.optimizer=muon"),
    ("train.warmup_fraction", lambda s: s.train.schedule != "cosine", "with another train.schedule than cosine"),
    ("train.shrink", lambda s: s.train.start != "fresh", "with another train.start than fresh"),
    ("contest_random", lambda s: s.contest, "with contest=true"),
)
"""Setting, whether it counts, and when it does."""


def refuse_ignored(ignored: Mapping[tuple[str, str], str]) -> None:
    """Refuse varied settings that change nothing for a method, all of them in one sentence.

    Args:
        ignored: label of the method and setting -> why it changes nothing.

    Raises:
        SettingsError: there are any.
    """
    if not ignored:
        return
    keys = listing(dict.fromkeys(f"'{key}'" for _, key in ignored))
    reasons = "; ".join(dict.fromkeys(f"{method}: {reason}" for (method, _), reason in ignored.items()))
    raise SettingsError(
        f"varying {keys} would change nothing ({reasons}); vary another setting, name other methods, or add "
        "--skip-unfit, with which such a method runs once."
    )
