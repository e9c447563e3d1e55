"""The search step of a run."""

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from dartboard.data import ImageView
from dartboard.engine.loop import run_search
from dartboard.engine.problem import SearchBatches, SearchProblem, SupernetRequest
from dartboard.engine.rates import AlphaRate, alpha_rate
from dartboard.engine.stage import stage_spans
from dartboard.parts.architecture import Architecture
from dartboard.parts.recipe import Images, Recipe, initial_live, make_recipe
from dartboard.parts.rules.curvature import MeasureCurvature
from dartboard.parts.rules.schedules import NoTraining, WarmUp
from dartboard.runs import Length, make_generator, seeded_initialization
from dartboard.session.batches import EVALUATION_BATCH, batches_of
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, search_length
from dartboard.settings.genotype import read_genotype
from dartboard.settings.published import published_steps
from dartboard.settings.tree import RunSettings
from dartboard.space import Genotype, OperationCosts, get_space, name_or_text, operation_costs
from dartboard.supernet import FusedSupernet, SupernetSpec
from dartboard.wording import count

__all__ = [
    "alpha_rates",
    "describe_search",
    "idle_rules",
    "only_draws",
    "search_genotype",
    "search_problem",
    "search_recipe",
    "supernet_spec",
]


def describe_search(session: Session) -> str:
    """One line about the search: method, space, length, images and size of the supernet."""
    settings, splits, length = session.settings, session.splits, search_length(session)
    recipe, size = make_recipe(settings.method.name, settings.method.options), settings.search
    if recipe.images == "halves":
        images = f"two halves of {len(splits.weights)} and {len(splits.alphas)} images"
    else:
        images = f"{len(_shared_images(session)[0])} images"
    steps = _steps(session, recipe, length)
    start = f", from {name_or_text(Genotype.from_json(size.start_at))}" if size.start_at else ""
    return (
        f"{settings.method.name} in {settings.space}: {count(length.epochs, 'epoch')} of {count(steps, 'step')} on "
        f"{images}, {count(size.init_channels, 'channel')}, {count(size.layers, 'layer')}{start}"
    )


def alpha_rates(session: Session) -> tuple[AlphaRate, ...]:
    """The learning rate of alpha in every stage of the search in which alpha has one."""
    settings, length = session.settings, search_length(session)
    stages = search_recipe(settings).stages
    spans = stage_spans([stage.share for stage in stages], length.epochs)
    options = {name: value for name, value in settings.method.options.items() if name != "alpha_lr"}
    papers, factor = make_recipe(settings.method.name, options).stages, settings.search.alpha_lr_factor
    told = []
    for stage, paper, (first, end) in zip(stages, papers, spans, strict=True):
        rate = alpha_rate(stage.recipe, factor, end - first, _steps(session, stage.recipe, length))
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


def _steps(session: Session, recipe: Recipe, length: Length) -> int:
    """Weight steps of an epoch of a stage."""
    halved = recipe.images == "halves"
    available = len(session.splits.weights) if halved else len(_shared_images(session)[0])
    whole = max(1, available // session.settings.search.batch_size)
    return whole if length.steps is None else min(whole, length.steps)


def search_genotype(session: Session) -> Genotype:
    """Run the search, and return the genotype found; a genotype in the run directory is returned without a search."""
    settings, seed = session.settings, session.settings.seed
    with session.phase("search"):
        if session.run.has("genotype.json"):
            return read_genotype(session.run.path)
        problem, recipe = search_problem(session), search_recipe(settings)
        _note_hypernetwork(session, recipe)
        return run_search(
            problem,
            recipe,
            settings.search,
            session.run,
            length=search_length(session),
            seed=seed,
            observer=session.observer,
        )


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
    recipe = recipe.with_published_steps(published_steps(get_space(settings.space), recipe))
    if search.curvature_every and not any(isinstance(rule, MeasureCurvature) for rule in recipe.rules):
        recipe = recipe.with_rules_first(MeasureCurvature(search.curvature_every))
    return recipe.with_rules_first(WarmUp(search.warmup_fraction)) if search.warmup_fraction else recipe


def only_draws(settings: RunSettings) -> bool:
    """Whether the method draws an architecture without learning anything, so that what it finds is a random one."""
    return any(isinstance(rule, NoTraining) for rule in search_recipe(settings).stages[0].recipe.rules)


def _make_supernet(session: Session, request: SupernetRequest) -> FusedSupernet:
    with seeded_initialization(session.settings.seed, "search", "weights", request.stage):
        supernet = FusedSupernet(supernet_spec(session, request))
    supernet.to(device=session.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return supernet


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
        weights, scored = _shared_images(session)
        alphas = weights
    return SearchBatches(
        batches_of(session, weights, settings.augment, settings.batch_size),
        batches_of(session, alphas, settings.augment, settings.batch_size),
        batches_of(session, scored, settings.augment, EVALUATION_BATCH),
    )


def _shared_images(session: Session) -> tuple[ImageView, ImageView]:
    """Two sets of images: those that train both weights and alphas, and those held out to score the supernet.

    The second set is at most half of the alpha half, even where `validation_images` is null. Otherwise too few images
    would be left for training.
    """
    mixed, weights = _mixed_alphas(session), session.splits.view(session.dataset, "weights")
    count = min(session.settings.search.validation_images or len(mixed), len(mixed) // 2)
    learned = np.sort(np.concatenate([weights.indices, mixed[count:]]))
    return ImageView(weights.image_set, learned), ImageView(weights.image_set, mixed[:count])


def _mixed_alphas(session: Session) -> npt.NDArray[np.int64]:
    """Indices of the alpha half in random order, shape (images,).

    Batches sorted by class would have misleading batch statistics.
    """
    indices = session.splits.alphas
    generator = make_generator(session.settings.split_seed, "search", "validation-order")
    mixed: npt.NDArray[np.int64] = indices[torch.randperm(len(indices), generator=generator).numpy()]
    return mixed
