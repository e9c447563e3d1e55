"""The search step of a run: what it will do, in words, and the architecture that it finds."""

import torch

from dartboard.engine.discrete import run_discrete
from dartboard.engine.loop import run_search
from dartboard.engine.problem import SupernetRequest
from dartboard.parts.architecture import Architecture
from dartboard.parts.recipe import Recipe, initial_live, make_recipe
from dartboard.runs import make_generator
from dartboard.session.discrete import describe_discrete, discrete_problem
from dartboard.session.search import (
    FALLBACK,
    decision_trials,
    one_level,
    only_draws,
    search_problem,
    search_recipe,
    supernet_spec,
    trial_images,
)
from dartboard.session.session import Session
from dartboard.session.sizes import search_length
from dartboard.settings.genotype import read_genotype
from dartboard.space import Genotype, get_space, name_or_text
from dartboard.supernet import FusedSupernet
from dartboard.wording import count

__all__ = ["describe_search", "search_genotype"]


def describe_search(session: Session) -> str:
    """One line about the search: method, space, length, images and size of the supernet."""
    settings, splits, length = session.settings, session.splits, search_length(session)
    recipe, size = make_recipe(settings.method.name, settings.method.options), settings.search
    if only_draws(settings):
        return f"{settings.method.name} in {settings.space}: an architecture is drawn at random, without training"
    if discrete := search_recipe(settings).discrete:
        return f"{settings.method.name} in {settings.space}: {describe_discrete(session, discrete)}"
    if recipe.images == "halves":
        images, available = f"two halves of {len(splits.weights)} and {len(splits.alphas)} images", len(splits.weights)
    else:
        learned, scored = one_level(session, recipe.images)
        available, images = len(learned), f"{len(learned)} images, {len(scored)} others score it"
    whole = max(1, available // size.batch_size)
    steps = whole if length.steps is None else min(whole, length.steps)
    start = f", from {name_or_text(Genotype.from_json(size.start_at))}" if size.start_at else ""
    return (
        f"{settings.method.name} in {settings.space}: {count(length.epochs, 'epoch')} of {count(steps, 'step')} on "
        f"{images}, {count(size.init_channels, 'channel')}, {count(size.layers, 'layer')}{start}"
        f"{_describe_trials(session, recipe)}"
    )


def _describe_trials(session: Session, recipe: Recipe) -> str:
    """How often decisions try the supernet, and on how many images; empty without trials."""
    tried, images = decision_trials(session.settings), trial_images(session, recipe.images)
    if tried.further:
        return f", the supernet tried on {tried.further:,} images in all at most"
    if not tried.trials:
        return ""
    more = " or more" if images.by == "adaptive" and images.first < images.total else ""
    return f", decisions by {count(tried.trials, 'trial')} of the supernet on {images.first:,} images{more} each"


def search_genotype(session: Session) -> Genotype:
    """Run the search, and return the genotype found; a genotype in the run directory is returned without a search."""
    settings, seed = session.settings, session.settings.seed
    with session.phase("search"):
        if session.run.has("genotype.json"):
            return read_genotype(session.run.path)
        recipe = search_recipe(settings)
        if recipe.discrete:
            return run_discrete(
                discrete_problem(session),
                recipe.discrete,
                session.run,
                seed=seed,
                observer=session.observer,
                seconds=settings.search.seconds,
            )
        _note_hypernetwork(session, recipe)
        return run_search(
            search_problem(session),
            recipe,
            settings.search,
            session.run,
            length=search_length(session),
            seed=seed,
            observer=session.observer,
            fallback=make_recipe(FALLBACK, {}) if settings.search.guard == "fallback" else None,
        )


_NOTED_BYTES = 2**30
"""A hypernetwork that takes more bytes of memory than this is announced before the search begins."""


def _note_hypernetwork(session: Session, recipe: Recipe) -> None:
    """Announce the size of a large hypernetwork; it is built on the meta device, which takes no memory."""
    space = get_space(session.settings.space)
    counts = [0]
    for number, stage in enumerate(recipe.stages):
        if stage.recipe.hypernetwork:
            live = initial_live(stage.recipe, space)
            request = SupernetRequest(number, stage.recipe.mixing, live, stage.recipe.deeper)
            architecture = Architecture.of(stage.recipe, space, live, torch.device("cpu"))
            with torch.device("meta"):
                supernet = FusedSupernet(supernet_spec(session, request))
                hypernetwork = stage.recipe.hypernetwork.build(supernet, architecture, make_generator(0))
            counts.append(sum(weight.numel() for weight in hypernetwork.parameters()))
    weights = 4 * max(counts)
    taken = 4 * weights  # weights, momentum, gradient, and the gradient of the step before, kept until it is replaced
    if taken > _NOTED_BYTES:
        session.observer.note(
            f"The hypernetwork has {max(counts):,} weights; with gradients and momentum they take "
            f"{taken / 2**30:.1f} GiB of memory, and every checkpoint {2 * weights / 2**30:.1f} GiB."
        )
