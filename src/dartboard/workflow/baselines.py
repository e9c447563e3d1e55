"""The baselines of a run: networks of about the same cost as the one found, trained and tested in the same way."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from dartboard.budget.allowances import remaining_allowance
from dartboard.records import Allowance, Baseline, Baselines
from dartboard.runs import RunDirectory, read_arrays
from dartboard.session.baselines import BaselineNetwork, find_baselines, is_comparable
from dartboard.session.clock import CHILD_FOLDERS, worked_seconds
from dartboard.session.evaluation import evaluate_networks
from dartboard.session.session import Session
from dartboard.session.training import train_networks, trained_length, trained_steps
from dartboard.space import Genotype
from dartboard.training import paired_difference
from dartboard.workflow.child import ChildRun, attempt, run_child

__all__ = ["compare_baselines"]


def compare_baselines(session: Session, genotype: Genotype, allowances: Mapping[str, Allowance]) -> None:
    """Train and test each registered baseline in a run directory `baselines/NAME`, and write `baselines.json`.

    Nothing is trained where there are no labelled test images.

    Args:
        session: session of the run; its own networks are already trained and tested.
        genotype: the architecture that the search found.
        allowances: how long each training may take, by name; empty where there is no budget.
    """
    if Baselines.exists(session.run.path):
        return
    if not is_comparable(session):
        lacking = "labels of the test images" if len(session.splits.test) else "test images"
        session.observer.note(f"There are no {lacking}, so networks cannot be compared and no baseline is trained.")
        return
    with session.phase("baselines"):
        names = {f"The baseline {each.name}": each for each in find_baselines(session, genotype)}
        works = {what: partial(_compare, session, each, allowances) for what, each in names.items()}
        results, failed = attempt(session.observer, works, needed=False)
    Baselines.of({names[what].name: each for what, each in results.items()}, failed).write(session.run.path)


def _compare(session: Session, baseline: BaselineNetwork, allowances: Mapping[str, Allowance]) -> Baseline:
    return _compared(session, baseline, _run(session, baseline, allowances))


def _run(session: Session, baseline: BaselineNetwork, allowances: Mapping[str, Allowance]) -> ChildRun:
    """Train and test one baseline, unless that is done already."""
    genotype, length = baseline.genotype, trained_length(session.run)
    size = {"init_channels": baseline.init_channels, "layers": baseline.layers}
    epochs = {"epochs": length.epochs} if allowances else {}
    changes = {
        "space": genotype.space,
        "genotype": genotype.to_json(),
        "train": session.settings.train.model_copy(update={**size, **epochs, "start": "fresh"}),
        "baselines": False,
        "budget": None,
    }

    def work(child: Session) -> None:
        allowance = None
        if allowances:
            worked = worked_seconds(child.run)
            allowance = remaining_allowance(session, allowances, baseline.name, length=length, worked=worked)
        evaluate_networks(child, train_networks(child, genotype, allowance))

    task = f"For comparison, {baseline.what} is trained and tested in the same way."
    return run_child(session, f"{CHILD_FOLDERS['baselines']}/{baseline.name}", changes, work, task=task, tested=True)


def _compared(session: Session, baseline: BaselineNetwork, child: ChildRun) -> Baseline:
    """The record of one baseline, with the paired difference to the network found on the same test images."""
    labels, found = _tested(session.run)
    objective = session.settings.objective
    classes = labels if objective == "balanced-accuracy" else None
    difference = paired_difference(found, _tested(child.run)[1], classes)
    result = child.result
    assert result.test_accuracy is not None
    steps, wanted = trained_steps(child.run), trained_steps(session.run)
    return Baseline(
        what=baseline.what + (f", trained for {steps} of {wanted} steps for lack of time" if steps < wanted else ""),
        test_accuracy=result.test_accuracy,
        test_accuracy_std=result.test_accuracy_std,
        balanced_accuracy=result.balanced_accuracy,
        parameters=result.parameters,
        multiply_adds=result.multiply_adds,
        objective=objective,
        difference=difference.mean,
        interval=(difference.low, difference.high),
        run_directory=str(child.run.path),
        steps=steps,
        wanted_steps=wanted,
    )


def _tested(run: RunDirectory) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The class of every test image, and whether the first network of a run predicts it; both of shape (images,)."""
    predictions = read_arrays(run.path / "predictions.npz", ("labels", "predicted"))
    return predictions["labels"], predictions["labels"] == predictions["predicted"]
