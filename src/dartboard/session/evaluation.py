"""The test of a run: its networks are evaluated once on the test images."""

import time
from collections.abc import Sequence

from dartboard.records import NetworkScores, Scores
from dartboard.runs import TrainEpoch
from dartboard.session.batches import EVALUATION_BATCH, part_batches
from dartboard.session.session import Session
from dartboard.session.training import last_validation_accuracy
from dartboard.space import Network
from dartboard.training import (
    ImagePredictions,
    Predictions,
    class_probabilities,
    predict,
    score_figures,
    write_predictions,
)

__all__ = ["evaluate_networks"]


def evaluate_networks(session: Session, networks: Sequence[Network]) -> None:
    """Test every network once on the test images, and write `scores.json`; a finished test is not repeated.

    If the test images have no labels, there are no scores; the predictions of the first network are written to
    `predictions.csv` and `predictions.npy`. Without test images nothing is done.
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
