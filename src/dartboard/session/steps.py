"""The end of a run: its networks are tested, and what its directory holds is summed up."""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from dartboard.devices import device_name
from dartboard.records import (
    AnalysisRecord,
    Baselines,
    DatasetRecord,
    Finalists,
    GenotypeForms,
    NetworkScores,
    ReselectionRecord,
    Result,
    Scores,
    SeedChoiceRecord,
    Timetable,
)
from dartboard.records.result import versions
from dartboard.runs import KeptWeights, Length, Objective, RunDirectory, SearchEpoch, TrainEpoch
from dartboard.session.batches import EVALUATION_BATCH, part_batches
from dartboard.session.session import Session, phase_seconds
from dartboard.session.sizes import network_plan
from dartboard.space import Genotype, Network, get_space, network_cost
from dartboard.training import (
    ImagePredictions,
    Predictions,
    class_probabilities,
    predict,
    score_figures,
    write_predictions,
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
        predicted = [predict(network, batches) for network in networks]
        write_predictions(session.run, predicted[0], batches.view)
        runs = tuple(_network_scores(session, number, each) for number, each in enumerate(predicted))
        Scores(runs=runs, **score_figures(predicted)).write(session.run.path)


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
        result = Result.from_json(session.run.read("result.json"))
    except ValueError:
        return None
    return None if tested and not _tested(session, result) else result


def summarize(session: Session, genotype: Genotype, command: str) -> Result:
    """Gather what the run directory holds into `result.json`."""
    run, settings, dataset = session.run, session.settings, session.dataset
    scores, timetable = Scores.find(run.path), Timetable.find(run.path)
    baselines = Baselines.find(run.path)
    plan = network_plan(session, "train")
    height, width = dataset.image_shape[1:]
    cost = network_cost(get_space(genotype.space), genotype, plan, (height, width))
    result = Result(
        dataset=DatasetRecord(
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
        reselection=ReselectionRecord.find(run.path),
        analysis=AnalysisRecord.find(run.path),
        choice=SeedChoiceRecord.find(run.path),
        finalists=Finalists.find(run.path),
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        budget=settings.budget,
        planned=timetable.seconds if timetable else {},
        automatic_choices=settings.automatic_choices,
        seconds={name: round(seconds, 3) for name, seconds in phase_seconds(run).items()},
        validation_accuracy=last_validation_accuracy(session),
        validation_balanced_accuracy=last_validation_accuracy(session, objective="balanced-accuracy"),
        test_accuracy=scores.test_accuracy_mean if scores else None,
        test_accuracy_std=scores.test_accuracy_std if scores else None,
        balanced_accuracy=scores.balanced_accuracy if scores else None,
        objective=settings.objective,
        baselines=baselines.networks if baselines else {},
        device=device_name(session.device),
        versions=versions(),
        command=command,
        run_directory=str(run.path),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    result.write(run.path)
    return result


def trained_steps(run: RunDirectory) -> int:
    """Steps that the first network of a run was trained for."""
    return sum(_epoch_steps(run))


def trained_length(run: RunDirectory) -> Length:
    """Its epochs, and as many steps of equal epochs as make no fewer in all."""
    steps = _epoch_steps(run)
    return Length(len(steps), math.ceil(sum(steps) / len(steps)))


def _epoch_steps(run: RunDirectory) -> list[int]:
    return [event.steps for event in run.events.read() if isinstance(event, TrainEpoch) and event.run == 0]


def last_validation_accuracy(
    session: Session, number: int | None = None, objective: Objective = "accuracy"
) -> float | None:
    """Of network `number`, of the mean over networks, or after a search alone of the supernet.

    From the last epochs, or from those whose weights were kept.
    """
    events = session.run.events.read()
    networks = [event for event in events if isinstance(event, TrainEpoch | KeptWeights)]
    last = {event.run: event.validation(objective) for event in networks if number in (None, event.run)}
    if not last:
        searched = [event.validation(objective) for event in events if isinstance(event, SearchEpoch)]
        return searched[-1] if searched else None
    trained = [accuracy for accuracy in last.values() if accuracy is not None]
    return sum(trained) / len(trained) if len(trained) == len(last) else None


def _tested(session: Session, result: Result) -> bool:
    """Whether a run that has ended went as far as its test; without test images, as far as its network."""
    if not len(session.splits.test):
        return session.run.has("model.json")
    return result.test_accuracy is not None or session.run.has("predictions.npy")


def _network_scores(session: Session, number: int, predicted: Predictions) -> NetworkScores:
    events = session.run.events.read()
    seconds = sum(event.seconds for event in events if isinstance(event, TrainEpoch) and event.run == number)
    return NetworkScores(
        run=number,
        seed=session.settings.seed,
        validation_accuracy=last_validation_accuracy(session, number),
        seconds=round(seconds, 3),
        test_accuracy=predicted.accuracy,
        test_loss=predicted.loss,
    )
