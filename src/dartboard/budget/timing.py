"""Times the steps on this machine for a second or two, with the real networks, batches and augmentation."""

import math
import time
from collections.abc import Callable
from itertools import islice
from statistics import median
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks

from dartboard.budget.arithmetic import SearchRate, TrainingRate
from dartboard.data import Batch
from dartboard.engine.stage import StageSearch
from dartboard.parts.architecture import StepGates
from dartboard.parts.recipe import initial_live
from dartboard.runs import Length, Meter, make_generator
from dartboard.session.search import decision_trials, search_problem, search_recipe
from dartboard.session.session import Session
from dartboard.session.sizes import with_size
from dartboard.session.training import model_card, training_data
from dartboard.space import DropPath, Genotype
from dartboard.training import NetworkTraining

__all__ = ["computes_in_bfloat16", "measure_search", "measure_training", "multiplies_in_bfloat16", "time_training"]

_STEPS = 6
_SECONDS, _SHARE_OF_BUDGET = 1.0, 0.005
"""Time for the steps of a network that are timed: so many seconds, or this share of a small budget."""

_EVALUATED = 64
"""Images on which the evaluation of a network is timed."""

_SCORED = 2
"""Batches of validation images on which the scoring of a supernet is timed."""


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16; without them a step may take a hundred times as long."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Whether the device is a CPU with instructions that multiply whole matrices of bfloat16 (AMX)."""
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # older versions of torch do not tell
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def measure_search(session: Session, **size: Any) -> SearchRate:
    """Time some steps of the first stage of the search; the supernet is discarded afterwards.

    Args:
        session: the session, with data, method and space.
        size: settings of the search to try, such as init_channels.
    """
    sized = with_size(session, "search", size)
    settings, recipe = sized.settings, search_recipe(sized.settings)
    problem, stage = search_problem(sized), recipe.stages[0].recipe
    length, live = Length(1, None), initial_live(stage, problem.space)
    search = StageSearch(problem, stage, settings.search, 0, (0, 1), length, settings.seed, live)
    steps = search.make_steps()
    search.state.supernet.train()
    batches = search.batches.weights.forever(make_generator(settings.seed, "probe"))
    memory, step = _memory_and_seconds(lambda: steps(next(batches)), session)
    validation = search.batches.validation
    whole = math.ceil(len(validation.view) / validation.batch_size)
    tried = min(_SCORED, whole)
    gates = StepGates(search.mean_gates(search.state.alphas), search.state.architecture.active)
    started = time.perf_counter()
    if tried:
        search.state.score(gates, tried)
    scoring = (time.perf_counter() - started) * whole / max(1, tried)
    trials = decision_trials(settings).images(search.state.trials.images) * scoring / max(1, len(validation.view))
    return SearchRate(step, scoring, search.num_steps, memory, trials)


def measure_training(session: Session, genotype: Genotype, **size: Any) -> TrainingRate:
    """What a network costs, as `time_training` measures it, or as it did earlier in this command.

    Networks are the same if they have the same architecture, size and precision; nothing else that makes a step cost
    more changes in a command. What was timed earlier keeps the number of steps in an epoch of that time.

    Args:
        session: as for `time_training`.
        genotype: as for `time_training`.
        size: as for `time_training`.
    """
    train = with_size(session, "train", size, genotype.space).settings.train
    network = genotype, train.init_channels, train.layers, train.precision
    if network not in session.timed:
        session.timed[network] = time_training(session, genotype, **size)
    rate: TrainingRate = session.timed[network]
    return rate


def time_training(session: Session, genotype: Genotype, **size: Any) -> TrainingRate:
    """Time some training steps of a network, and its evaluation; the network is discarded afterwards.

    Args:
        session: the session, with data and settings of the training.
        genotype: architecture of the network.
        size: settings of the training to try, such as init_channels and precision.
    """
    tried = with_size(session, "train", size, genotype.space)
    data = training_data(tried)
    training = NetworkTraining(
        data,
        model_card(tried, genotype),
        tried.settings.train,
        number=0,
        epochs=1,
        seed=tried.settings.seed,
        only_timed=True,
    )
    meter, drawn = Meter(session.device), data.train.forever(make_generator(tried.settings.seed, "probe"))
    masks = make_generator(tried.settings.seed, "probe-paths", device=session.device)
    paths = DropPath(tried.settings.train.drop_path, masks)
    training.network.train()
    memory, step = _memory_and_seconds(
        lambda: training.step(next(drawn), paths, meter, tried.settings.train.lr), session
    )
    seen: list[Batch] = list(islice(data.train.in_order(_EVALUATED), 1))
    training.network.eval()

    @torch.no_grad()
    def evaluate() -> None:
        training.network(seen[0].images)

    evaluate()
    image = _seconds_of(evaluate, session) / len(seen[0].labels)
    return TrainingRate(step, image, training.num_steps, memory)


def _memory_and_seconds(step: Callable[[], object], session: Session) -> tuple[int, float]:
    """Bytes that autograd keeps in one step, and median seconds of later steps; the first also warms up the caches."""
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(kept.values()), _seconds_of(step, session)


def _seconds_of(step: Callable[[], object], session: Session) -> float:
    """Median seconds of a step, over at most 6 steps and about a second, or 0.005 of the budget."""
    times: list[float] = []
    limit = min(_SECONDS, _SHARE_OF_BUDGET * (session.settings.budget or math.inf))
    while len(times) < _STEPS and math.fsum(times) < limit:
        started = time.perf_counter()
        step()
        if session.device.type != "cpu":
            torch.accelerator.synchronize(session.device)
        times.append(time.perf_counter() - started)
    return median(times)
