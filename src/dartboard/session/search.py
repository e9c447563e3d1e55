"""The search step of a run."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from dartboard.data import ImageView
from dartboard.engine.problem import SearchBatches, SearchProblem, SupernetRequest
from dartboard.parts.architecture import Architecture
from dartboard.parts.recipe import Images, Recipe, initial_live, make_recipe
from dartboard.parts.rules.curvature import MeasureCurvature
from dartboard.parts.rules.schedules import NoTraining, WarmUp
from dartboard.parts.trials import FIRST_IMAGES, TrialImages, trial_batch
from dartboard.runs import CollapsedSearch, ImagesBy, RunDirectory, make_generator, seeded_initialization
from dartboard.session.batches import EVALUATION_BATCH, batches_of
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan
from dartboard.settings.published import published_steps
from dartboard.settings.tree import RunSettings
from dartboard.space import OperationCosts, get_space, operation_costs
from dartboard.supernet import FusedSupernet, SupernetSpec

__all__ = [
    "FALLBACK",
    "DecisionTrials",
    "decision_trials",
    "learned_recipe",
    "learning_images",
    "num_learning_images",
    "only_draws",
    "search_problem",
    "search_recipe",
    "supernet_spec",
    "trains_supernet",
    "trial_images",
]


def search_problem(session: Session) -> SearchProblem:
    """The search problem of a session: space, device, and builders of supernet, batches and operation costs."""
    return SearchProblem(
        space=get_space(session.settings.space),
        make_supernet=partial(_make_supernet, session),
        make_batches=partial(_search_batches, session),
        device=session.device,
        costs=partial(_operation_costs, session),
    )


def search_recipe(settings: RunSettings) -> Recipe:
    """The recipe of the method, with the rules that the settings of the search add to it."""
    recipe, search = make_recipe(settings.method.name, settings.method.options), settings.search
    if recipe.discrete:
        if search.pool_share < 1:
            recipe = replace(recipe, discrete=recipe.discrete.shrunk(search.pool_share))
        return recipe
    recipe = recipe.with_published_steps(published_steps(get_space(settings.space), recipe, settings.preset))
    if search.curvature_every and not any(isinstance(rule, MeasureCurvature) for rule in recipe.rules):
        recipe = recipe.with_rules_first(MeasureCurvature(search.curvature_every))
    return recipe.with_rules_first(WarmUp(search.warmup_fraction)) if search.warmup_fraction else recipe


FALLBACK = "robust-darts"
"""The method that goes on with a search that collapses, where `search.guard` asks for it."""


class DecisionTrials(NamedTuple):
    """How often the decisions of a search try the supernet.

    Attributes:
        trials: without an operation or an edge.
        decisions: decisions that rest on trials; each also looks at the untouched supernet.
        further: images on which rules run the supernet for other ends, such as moving alpha.
    """

    trials: int
    decisions: int
    further: int = 0

    def images(self, tried: TrialImages) -> int:
        """Images that go through the supernet in all.

        Where a decision takes as many as it needs, two doublings for its best two candidates are planned.
        """
        further = min(4 * tried.first, tried.total) - tried.first if tried.by == "adaptive" else 0
        return (self.trials + self.decisions) * tried.first + 2 * self.decisions * further + self.further


def decision_trials(settings: RunSettings) -> DecisionTrials:
    """How often the decisions of a search by these settings try the supernet, in all stages."""
    space, trials, decisions, further = get_space(settings.space), 0, 0, 0
    for stage in search_recipe(settings).stages:
        live = initial_live(stage.recipe, space)
        architecture = Architecture.of(stage.recipe, space, live, torch.device("cpu"))
        trials += sum(rule.count_trials(architecture) for rule in stage.recipe.rules)
        decisions += sum(rule.count_decisions(architecture) for rule in stage.recipe.rules)
        further += sum(rule.scored_images(architecture) for rule in stage.recipe.rules)
    return DecisionTrials(trials, decisions, further)


def learned_recipe(settings: RunSettings, source: RunDirectory) -> Recipe:
    """The recipe that the supernet of a finished search has learned by: that of the method, or of a second search.

    Args:
        settings: of the search.
        source: its run directory.
    """
    record = CollapsedSearch.find(source.path)
    if record is not None and record.action == "fallback" and record.anew:
        return make_recipe(FALLBACK, {})
    return search_recipe(settings)


def trains_supernet(settings: RunSettings) -> bool:
    """Whether the method trains a supernet, rather than drawing an architecture or training each one that it tries."""
    return not only_draws(settings) and search_recipe(settings).discrete is None


def only_draws(settings: RunSettings) -> bool:
    """Whether the method draws an architecture without learning anything, so that what it finds is a random one."""
    return any(isinstance(rule, NoTraining) for rule in search_recipe(settings).stages[0].recipe.rules)


def _make_supernet(session: Session, request: SupernetRequest) -> FusedSupernet:
    with seeded_initialization(session.settings.seed, "search", "weights", request.stage):
        supernet = FusedSupernet(supernet_spec(session, request))
    supernet.to(device=session.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return supernet


def supernet_spec(session: Session, request: SupernetRequest) -> SupernetSpec:
    """The specification of the supernet of a stage."""
    space = get_space(session.settings.space)
    return SupernetSpec(space, network_plan(session, "search", request.deeper), request.mixing).with_live(request.live)


def _operation_costs(session: Session, request: SupernetRequest) -> OperationCosts:
    spec = supernet_spec(session, request)
    height, width = session.dataset.image_shape[1:]
    return operation_costs(spec.space, spec.plan, (height, width))


def _search_batches(session: Session, images: Images) -> SearchBatches:
    """The batches of a search: from two halves, or from one set of images that trains both weights and alphas."""
    settings = session.settings.search
    if images == "halves":
        weights, alphas = (session.splits.view(session.dataset, part) for part in ("weights", "alphas"))
        scored = ImageView(alphas.image_set, _mixed_alphas(session)[: settings.validation_images])
    else:
        weights, scored = one_level(session, images)
        alphas = weights
    return SearchBatches(
        batches_of(session, weights, settings.augment, settings.batch_size),
        batches_of(session, alphas, settings.augment, settings.batch_size),
        batches_of(session, scored, settings.augment, EVALUATION_BATCH),
        trial_images(session, images),
    )


def trial_images(session: Session, images: Images) -> TrialImages:
    """The images on which decisions try the supernet: those of alpha, where the weights learn from others.

    Where weights and alphas learn from the same images, they are those held out to score the supernet.
    """
    settings = session.settings.search
    if images == "halves":
        alphas = session.splits.view(session.dataset, "alphas")
        view = ImageView(alphas.image_set, _mixed_alphas(session))
    else:
        _, view = one_level(session, images)
    asked, available = settings.decision_images, len(view)
    by: ImagesBy = asked if isinstance(asked, str) else "asked"
    if not isinstance(asked, str):
        view = ImageView(view.image_set, view.indices[:asked])
    coarse = len(view) < min(FIRST_IMAGES, available)
    made = TrialImages(lambda: batches_of(session, view, settings.augment, size), len(view), by, coarse)
    size = trial_batch(made.first)
    return made


def num_learning_images(session: Session) -> int | None:
    """The number of images from which the weights of the supernet learn; None where no supernet is trained."""
    settings = session.settings
    if not trains_supernet(settings):
        return None
    return len(learning_images(session, make_recipe(settings.method.name, settings.method.options).images))


def learning_images(session: Session, images: Images) -> ImageView:
    """The images from which the weights of the supernet learn."""
    return session.splits.view(session.dataset, "weights") if images == "halves" else one_level(session, images)[0]


_MOST_SET_ASIDE = 2_000
_SHARE_SET_ASIDE = 0.04
"""Images that a search on one level leaves out to score its supernet, where none are held out for validation: at most
so many, and at most this share. A larger part would be missing where the method counts on all images."""


def one_level(session: Session, images: Images) -> tuple[ImageView, ImageView]:
    """Two sets of images: those from which both weights and alphas learn, and those on which the supernet is scored.

    The second are held out for validation anyway, or set aside of the alpha half; a search that learns from the half of
    the weights alone has the whole alpha half for them.
    """
    splits, most = session.splits, session.settings.search.validation_images
    weights, mixed = splits.view(session.dataset, "weights"), _mixed_alphas(session)
    if images not in ("same-images", "same-batch"):
        return weights, ImageView(weights.image_set, mixed[:most])
    if len(splits.validation):
        held_out = splits.view(session.dataset, "validation")
        return splits.view(session.dataset, "train"), replace(
            held_out, indices=_mixed(session, held_out.indices)[:most]
        )
    aside = max(1, min(most or _MOST_SET_ASIDE, _MOST_SET_ASIDE, round(_SHARE_SET_ASIDE * len(splits.train))))
    learned = np.sort(np.concatenate([weights.indices, mixed[aside:]]))
    return ImageView(weights.image_set, learned), ImageView(weights.image_set, mixed[:aside])


def _mixed_alphas(session: Session) -> npt.NDArray[np.int64]:
    """Indices of the alpha half in random order, shape (images,)."""
    return _mixed(session, session.splits.alphas)


def _mixed(session: Session, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices of images in random order, as batches sorted by class would have misleading batch statistics."""
    generator = make_generator(session.settings.split_seed, "search", "validation-order")
    mixed: npt.NDArray[np.int64] = indices[torch.randperm(len(indices), generator=generator).numpy()]
    return mixed
