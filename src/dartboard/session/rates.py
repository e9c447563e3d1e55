"""The learning rate of alpha in a search, and what its method cannot do in so few epochs."""

from dartboard.engine.rates import AlphaRate, alpha_rate
from dartboard.engine.schedule import stage_spans
from dartboard.parts.recipe import Recipe, make_recipe
from dartboard.session.search import learning_images, search_recipe
from dartboard.session.session import Session
from dartboard.session.sizes import search_length
from dartboard.settings.published import published_in
from dartboard.space import get_space

__all__ = ["alpha_rates", "idle_rules"]


def alpha_rates(session: Session) -> tuple[AlphaRate, ...]:
    """The learning rate of alpha in every stage of the search in which alpha has one."""
    settings, epochs = session.settings, search_length(session).epochs
    stages = search_recipe(settings).stages
    spans = stage_spans([stage.share for stage in stages], epochs)
    given, space = settings.method.options, get_space(settings.space)
    own = published_in(space, make_recipe(settings.method.name, given), settings.preset).options
    options = {**own, **{name: value for name, value in given.items() if name != "alpha_lr"}}
    papers, factor = make_recipe(settings.method.name, options).stages, settings.search.alpha_lr_factor
    told = []
    for stage, paper, (first, end) in zip(stages, papers, spans, strict=True):
        rate = alpha_rate(stage.recipe, factor, end - first, _steps(session, stage.recipe))
        if rate and paper.recipe.update:
            told.append(rate.model_copy(update={"published": paper.recipe.update.lr}))
    return tuple(told)


def idle_rules(session: Session) -> tuple[str, ...]:
    """What the method cannot do in a search of this length, in sentences."""
    stages = search_recipe(session.settings).stages
    spans = stage_spans([stage.share for stage in stages], search_length(session).epochs)
    return tuple(
        f"stage {number} of {len(stages)}: {reason}" if len(stages) > 1 else reason
        for number, (stage, (first, end)) in enumerate(zip(stages, spans, strict=True), start=1)
        for reason in stage.recipe.idle_in(end - first)
    )


def _steps(session: Session, recipe: Recipe) -> int:
    """Weight steps of an epoch of a stage."""
    asked, available = search_length(session).steps, len(learning_images(session, recipe.images))
    whole = max(1, available // session.settings.search.batch_size)
    return whole if asked is None else min(whole, asked)
