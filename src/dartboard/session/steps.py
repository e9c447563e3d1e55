"""The end of a run: its networks are tested, and what its directory holds is summed up."""

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from dartboard.devices import device_name
from dartboard.records.result import (
    AnalysisFacts,
    Baseline,
    ChoiceFacts,
    DatasetFacts,
    FinalistsFacts,
    GenotypeForms,
    ReselectionFacts,
    Result,
    versions,
)
from dartboard.runs import VALIDATION_KEYS, Length, Objective, RunDirectory
from dartboard.session.batches import EVALUATION_BATCH, part_batches
from dartboard.session.session import Session, phase_seconds
from dartboard.session.sizes import network_plan
from dartboard.space import Genotype, Network, get_space, network_cost
from dartboard.training import (
    ImagePredictions,
    class_probabilities,
    predict,
    write_scores,
)

__all__ = [
    "evaluate_networks",
    "finished_result",
    "last_validation_accuracy",
    "recorded_result",
    "summarize",
    "trained_length",
    "trained_steps",
]

Made = TypeVar("Made")


def evaluate_networks(session: Session, networks: Sequence[Network]) -> None:
    """Test every network on the test images, once: a finished evaluation is not repeated.

    Where the test images have no labels, `predictions.csv` and `predictions.npy` hold what the first network says of
    them, and there are no scores. Without test images nothing is done.
    """
    if not len(session.splits.test):
        return
    with session.phase("evaluation"):
        if session.run.has("scores.json") or session.run.has("predictions.npy"):
            return
        batches = part_batches(session, "test", session.settings.train.augment, EVALUATION_BATCH)
        if not batches.view.labelled:
            started = time.perf_counter()
            found = class_probabilities(networks[0], batches)
            seconds = time.perf_counter() - started
            predictions = ImagePredictions(batches.view.names, session.dataset.classes, found, seconds)
            for name in ("predictions.csv", "predictions.npy"):
                predictions.write(session.run.path / name)
            return
        facts = [_network_facts(session, number) for number in range(len(networks))]
        write_scores(session.run, facts, [predict(network, batches) for network in networks], batches.view)


def finished_result(session: Session, *, tested: bool) -> Result | None:
    """The result of a run that has nothing left to do, which is said to those who watch; else None.

    Args:
        session: the session.
        tested: whether the run includes the test.
    """
    result = recorded_result(session, tested=tested)
    if result is not None:
        session.observer.note(f"the run in {session.run.path} has ended; this is its result.")
    return result


def recorded_result(session: Session, *, tested: bool) -> Result | None:
    """As `finished_result`, without a word to those who watch."""
    if not session.has_ended:
        return None
    try:
        result = Result.model_validate(session.run.read("result.json"))
    except ValidationError:
        return None
    return None if tested and not _tested(session, result) else result


def summarize(session: Session, genotype: Genotype, command: str) -> Result:
    """Gather what the run directory holds into `result.json`."""
    run, settings, dataset = session.run, session.settings, session.dataset
    scores = run.read("scores.json") if run.has("scores.json") else None
    plan = network_plan(session, "train")
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
        genotype=GenotypeForms.of(genotype),
        reselection=_recorded(run, "selection.json", ReselectionFacts.model_validate),
        analysis=_recorded(run, "analysis.json", AnalysisFacts.model_validate),
        choice=_recorded(run, "choice.json", ChoiceFacts.model_validate),
        finalists=_recorded(run, "finalists.json", FinalistsFacts.model_validate),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        budget=settings.budget,
        planned=_recorded(run, "timetable.json", TypeAdapter(dict[str, float]).validate_python) or {},
        automatic_choices=settings.automatic_choices,
        seconds={name: round(seconds, 3) for name, seconds in phase_seconds(run).items()},
        validation_accuracy=last_validation_accuracy(session),
        validation_balanced_accuracy=last_validation_accuracy(session, objective="balanced-accuracy"),
        test_accuracy=scores["test_accuracy_mean"] if scores else None,
        test_accuracy_std=scores["test_accuracy_std"] if scores else None,
        balanced_accuracy=scores["balanced_accuracy"] if scores else None,
        objective=settings.objective,
        baselines=_recorded(run, "baselines.json", TypeAdapter(dict[str, Baseline]).validate_python) or {},
        device=device_name(session.device),
        versions=versions(),
        command=command,
        run_directory=str(run.path),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    run.write("result.json", result.to_json())
    return result


def _recorded(run: RunDirectory, name: str, make: Callable[[Any], Made]) -> Made | None:
    """What a file that not every run has tells; None without it."""
    return run.read_as(name, make) if run.has(name) else None


def trained_steps(run: RunDirectory) -> int:
    """Steps that the first network of a run was trained for."""
    return sum(_epoch_steps(run))


def trained_length(run: RunDirectory) -> Length:
    """Its epochs, and as many steps of equal epochs as make no fewer in all."""
    steps = _epoch_steps(run)
    return Length(len(steps), math.ceil(sum(steps) / len(steps)))


def _epoch_steps(run: RunDirectory) -> list[int]:
    events = run.events.read()
    return [int(event["steps"]) for event in events if event["event"] == "epoch" and event.get("run") == 0]


def last_validation_accuracy(
    session: Session, number: int | None = None, objective: Objective = "accuracy"
) -> float | None:
    """Of network `number`, of the mean over networks, or after a search alone of the supernet.

    From the last epochs, or from those whose weights were kept.
    """
    epochs = [event for event in session.run.events.read() if event["event"] in ("epoch", "kept")]
    last = {(event["phase"], event.get("run")): event[VALIDATION_KEYS[objective]] for event in epochs}
    trained = [accuracy for (phase, run), accuracy in last.items() if phase == "train" and number in (None, run)]
    if not trained:
        return last.get(("search", None))
    return None if None in trained else sum(trained) / len(trained)


def _tested(session: Session, result: Result) -> bool:
    """Whether a run that has ended went as far as its test; without test images, as far as its network."""
    if not len(session.splits.test):
        return session.run.has("model.json")
    return result.test_accuracy is not None or session.run.has("predictions.npy")


def _network_facts(session: Session, number: int) -> dict[str, Any]:
    epochs = [event for event in session.run.events.read() if event["event"] == "epoch" and event.get("run") == number]
    return {
        "run": number,
        "seed": session.settings.seed,
        "validation_accuracy": last_validation_accuracy(session, number),
        "seconds": round(sum(event["seconds"] for event in epochs), 3),
    }
