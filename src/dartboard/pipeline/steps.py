"""The steps of a run, each a screenful: search, train, evaluate, summarise. They talk through the run directory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import torch
from pydantic import ValidationError

from dartboard.data import PHOTOGRAPH_SIDE, Augmentation, AugmentSettings, Batches, ImageView, Part
from dartboard.errors import SettingsError
from dartboard.pipeline.architecture import read_genotype
from dartboard.pipeline.result import DatasetFacts, GenotypeForms, Result, versions
from dartboard.pipeline.session import SUMMARY_FILES, Session, device_name, phase_seconds
from dartboard.runs import make_generator, seeded_initialization
from dartboard.search import SearchLength, SearchProblem, WarmUp, make_recipe, run_search
from dartboard.space import Genotype, Network, NetworkPlan, Stem, get_space, network_cost, smallest_map
from dartboard.supernet import FusedSupernet, SupernetSpec
from dartboard.train import ModelCard, TrainingData, check_compiler, predict, save_model, train_network, write_scores

__all__ = [
    "Step",
    "check_sizes",
    "evaluate_networks",
    "finished_result",
    "search_genotype",
    "search_length",
    "summarize",
    "train_networks",
]

_EVALUATION_BATCH = 256

Step = Literal["search", "train"]


def search_length(session: Session) -> SearchLength:
    """Epochs of the search and steps of each."""
    settings, available = session.settings.search, len(session.splits.weights)
    whole = max(1, available // settings.batch_size)
    if settings.epochs is not None:
        return SearchLength(settings.epochs, min(whole, settings.steps_per_epoch or whole))
    images = _affordable(session, "search", settings.images)
    epochs = _clamp(images / available, 10, 50)
    allowed = max(1, images // (epochs * settings.batch_size))
    return SearchLength(epochs, min(whole, settings.steps_per_epoch or allowed))


def train_epochs(session: Session) -> int:
    """Epochs of the training."""
    settings = session.settings.train
    if settings.epochs is not None:
        return settings.epochs
    return _clamp(_affordable(session, "train", settings.images) / len(session.splits.train), 8, 60)


def _affordable(session: Session, step: Literal["search", "train"], images: int) -> int:
    """How many images of this dataset cost the cells about as much as `images` images of 32x32 pixels.

    Small maps save less than their pixels promise, since every operation has a cost of its own: twice as many at most.
    """
    height, width = session.dataset.image_shape[1:]
    shrinks = 64 if _plan(session, step).stem == "imagenet" else 1
    return round(images * min(2.0, 32 * 32 * shrinks / (height * width)))


def _clamp(epochs: float, least: int, most: int) -> int:
    return max(least, min(most, round(epochs)))


def check_sizes(session: Session, steps: Sequence[Step] = ("search", "train")) -> None:
    """Refuse networks that shrink the images to less than 2x2, or cannot be compiled, before anything is trained.

    Raises:
        SettingsError: width, depth, stem and image size do not fit together, or a compiler is missing.
    """
    if "train" in steps and session.settings.train.compile:
        check_compiler(session.device)
    for name in steps:
        plan = _plan(session, name)
        height, width = session.dataset.image_shape[1:]
        smallest = smallest_map(get_space(session.settings.space), plan, (height, width))
        if min(smallest) < 2:
            remedy = f" or {name}.stem=cifar" if plan.stem == "imagenet" else ""
            raise SettingsError(
                f"images of {width}x{height} pixels shrink to {smallest[1]}x{smallest[0]} in this network; use larger "
                f"images (data.image_size){remedy}."
            )


def search_genotype(session: Session) -> Genotype:
    """Search, unless the run directory already holds a genotype."""
    settings, seed = session.settings, session.settings.seed
    space = get_space(settings.space)
    with session.phase("search"):
        if session.run.has("genotype.json"):
            return read_genotype(session.run.path)
        with seeded_initialization(seed, "search", "weights"):
            supernet = FusedSupernet(SupernetSpec(space, _plan(session, "search")))
        supernet.to(device=session.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        augment, size = settings.search.augment, settings.search.batch_size
        problem = SearchProblem(
            space=space,
            supernet=supernet,
            weight_batches=_batches(session, "weights", augment, size),
            alpha_batches=_batches(session, "alphas", augment, size),
            validation_batches=_supernet_validation(session),
            device=session.device,
        )
        recipe = make_recipe(settings.method.name, settings.method.options)
        if settings.search.warmup_fraction:
            recipe = replace(recipe, rules=(WarmUp(settings.search.warmup_fraction), *recipe.rules))
        return run_search(
            problem,
            recipe,
            settings.search,
            session.run,
            length=search_length(session),
            seed=seed,
            observer=session.observer,
        )


def train_networks(session: Session, genotype: Genotype) -> list[Network]:
    """Train `train.runs` networks from scratch; the first one is saved as the model."""
    settings, seed = session.settings, session.settings.seed
    card = _model_card(session, genotype)
    data = TrainingData(
        train=_batches(session, "train", settings.train.augment, settings.train.batch_size),
        validation=_batches(session, "validation", settings.train.augment, _EVALUATION_BATCH)
        if len(session.splits.validation)
        else None,
        device=session.device,
    )
    with session.phase("train"):
        networks = [
            train_network(
                data,
                card,
                settings.train,
                session.run,
                number=number,
                epochs=train_epochs(session),
                seed=seed,
                observer=session.observer,
            )
            for number in range(settings.train.runs)
        ]
        save_model(session.run.path, networks[0], card)
    return networks


def evaluate_networks(session: Session, networks: Sequence[Network]) -> None:
    """Test every network on the test images, once: a finished evaluation is not repeated."""
    with session.phase("evaluation"):
        if session.run.has("scores.json"):
            return
        batches = _batches(session, "test", session.settings.train.augment, _EVALUATION_BATCH)
        facts = [_network_facts(session, number) for number in range(len(networks))]
        write_scores(session.run, facts, [predict(network, batches) for network in networks], batches.view)


def finished_result(session: Session, *, tested: bool) -> Result | None:
    """The result of a run that has nothing left to do, else None.

    Args:
        session: the session.
        tested: whether the run includes the test.
    """
    if not all(session.run.has(name) for name in SUMMARY_FILES):
        return None
    try:
        result = Result.model_validate(session.run.read("result.json"))
    except ValidationError:
        return None
    if tested and result.test_accuracy is None:
        return None
    session.observer.note(f"the run in {session.run.path} has ended; this is its result.")
    return result


def summarize(session: Session, genotype: Genotype, command: str) -> Result:
    """Gather what the run directory holds into `result.json`."""
    run, settings, dataset = session.run, session.settings, session.dataset
    scores = run.read("scores.json") if run.has("scores.json") else None
    plan = _plan(session, "train")
    height, width = dataset.image_shape[1:]
    cost = network_cost(get_space(genotype.space), genotype, plan, (height, width))
    result = Result(
        dataset=DatasetFacts(
            name=dataset.name,
            train=len(session.splits.train),
            validation=len(session.splits.validation),
            test=len(session.splits.test),
            classes=dataset.classes,
            shape=dataset.image_shape,
            notes=tuple(dataset.notes),
        ),
        space=genotype.space,
        method=None if settings.genotype else settings.method.name,
        seed=settings.seed,
        genotype=GenotypeForms(text=genotype.to_text(), plain=genotype.to_json()),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        seconds={name: round(seconds, 3) for name, seconds in phase_seconds(run).items()},
        validation_accuracy=_validation_accuracy(session),
        test_accuracy=scores["test_accuracy_mean"] if scores else None,
        test_accuracy_std=scores["test_accuracy_std"] if scores else None,
        device=device_name(session.device),
        versions=versions(),
        command=command,
        run_directory=str(run.path),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    run.write("result.json", result.to_json())
    return result


def _plan(session: Session, step: Step) -> NetworkPlan:
    size = session.settings.search if step == "search" else session.settings.train
    return get_space(session.settings.space).plan(
        in_channels=session.dataset.image_shape[0],
        num_classes=len(session.dataset.classes),
        init_channels=size.init_channels,
        layers=size.layers,
        stem=_stem(session, size.stem),
        image_size=session.dataset.image_shape[1:],
    )


def _stem(session: Session, asked: Stem | None) -> Stem:
    if asked is not None:
        return asked
    return "imagenet" if min(session.dataset.image_shape[1:]) >= PHOTOGRAPH_SIDE else "cifar"


def _model_card(session: Session, genotype: Genotype) -> ModelCard:
    settings = session.settings.train
    return ModelCard(
        genotype=genotype.to_json(),
        init_channels=settings.init_channels,
        layers=settings.layers,
        stem=_stem(session, settings.stem),
        classes=session.dataset.classes,
        image_shape=session.dataset.image_shape,
        mean=session.normalization.mean,
        std=session.normalization.std,
    )


def _batches(session: Session, part: Part, augment: AugmentSettings, batch_size: int) -> Batches:
    return _batches_of(session, session.splits.view(session.dataset, part), augment, batch_size)


def _supernet_validation(session: Session) -> Batches:
    """Images of the alpha half in mixed order: batch statistics of batches sorted by class would mislead."""
    settings = session.settings.search
    view = session.splits.view(session.dataset, "alphas")
    order = torch.randperm(len(view), generator=make_generator(session.settings.seed, "search", "validation-order"))
    chosen = order[: settings.validation_images].numpy()
    return _batches_of(session, ImageView(view.image_set, view.indices[chosen]), settings.augment, _EVALUATION_BATCH)


def _batches_of(session: Session, view: ImageView, augment: AugmentSettings, batch_size: int) -> Batches:
    augmentation = Augmentation(augment, session.normalization, session.dataset.image_shape)
    return Batches(view, augmentation, batch_size=batch_size, device=session.device)


def _validation_accuracy(session: Session, number: int | None = None) -> float | None:
    """Of network `number`, of the mean over networks, or after a search alone of the supernet; from the last epochs."""
    epochs = [event for event in session.run.events.read() if event["event"] == "epoch"]
    last = {(event["phase"], event.get("run")): event["validation_accuracy"] for event in epochs}
    trained = [accuracy for (phase, run), accuracy in last.items() if phase == "train" and number in (None, run)]
    if not trained:
        return last.get(("search", None))
    return None if None in trained else sum(trained) / len(trained)


def _network_facts(session: Session, number: int) -> dict[str, Any]:
    seconds = sum(event["seconds"] for event in session.run.events.read() if event.get("run") == number)
    return {
        "run": number,
        "seed": session.settings.seed,
        "validation_accuracy": _validation_accuracy(session, number),
        "seconds": round(seconds, 3),
    }
