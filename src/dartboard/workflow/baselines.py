"""What stands beside the searched network: others of about its cost, trained and tested the same way."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dartboard.budget.allowances import remaining_lot
from dartboard.records.allowances import Lot
from dartboard.records.result import Baseline
from dartboard.reports import write_report
from dartboard.runs import RunDirectory
from dartboard.session.baselines import BaselineNetwork, find_baselines, is_comparable
from dartboard.session.session import Session, worked_seconds
from dartboard.session.steps import (
    evaluate_networks,
    finished_result,
    summarize,
    train_networks,
    trained_length,
    trained_steps,
)
from dartboard.settings.tree import ALONE
from dartboard.space import Genotype
from dartboard.training import paired_difference

__all__ = ["compare_baselines"]


def compare_baselines(session: Session, genotype: Genotype, command: str, lots: Mapping[str, Lot]) -> None:
    """Train and test each baseline in `baselines/NAME`, a run directory of its own, and write `baselines.json`.

    One is an architecture drawn uniformly from the same space, of the same width and depth. The other is a plain
    residual network (He et al., arXiv:1512.03385, with the blocks of NAS-Bench-201), as wide as comes nearest to the
    multiply-adds of the searched network.

    Args:
        session: of the run, whose networks are trained and tested.
        genotype: what the search found.
        command: to be recorded.
        lots: how long the trainings may be, by name; empty where there is no budget.
    """
    if session.run.has("baselines.json"):
        return
    if not is_comparable(session):
        lacking = "labels of the test images" if len(session.splits.test) else "test images"
        session.observer.note(f"Without {lacking} nothing can be compared, so no baseline is trained.")
        return
    with session.phase("baselines"):
        results = {each.name: _measure(session, each, command, lots) for each in find_baselines(session, genotype)}
    session.run.write("baselines.json", {name: each.model_dump(mode="json") for name, each in results.items()})


def _measure(session: Session, standard: BaselineNetwork, command: str, lots: Mapping[str, Lot]) -> Baseline:
    """Train and test one, unless that is done."""
    size = {"init_channels": standard.init_channels, "layers": standard.layers}
    length = trained_length(session.run)
    epochs = {"epochs": length.epochs} if lots else {}
    train = session.settings.train.model_copy(update={**size, **epochs})
    genotype = standard.genotype
    changes = {
        **ALONE,
        "space": genotype.space,
        "genotype": genotype.to_json(),
        "train": train,
        "baselines": False,
        "budget": None,
    }
    session.observer.note(f"Now for comparison {standard.what}, trained and tested in the same way.")
    with session.inside(f"baselines/{standard.name}", changes) as own:
        run = own.run
        result = finished_result(own, tested=True)
        if result is None:
            own.begin()
            run.write("genotype.json", genotype.to_json())
            lot = None
            if lots:
                lot = remaining_lot(session, lots, standard.name, length=length, worked=worked_seconds(run))
            evaluate_networks(own, train_networks(own, genotype, lot))
            result = summarize(own, genotype, command)
            write_report(run.path)
    labels, found = _tested(session.run)
    objective = session.settings.objective
    classes = labels if objective == "balanced-accuracy" else None
    difference = paired_difference(found, _tested(run)[1], classes)
    assert result.test_accuracy is not None
    steps, wanted = trained_steps(run), trained_steps(session.run)
    return Baseline(
        what=standard.what + (f", trained for {steps} of {wanted} steps for want of time," if steps < wanted else ""),
        test_accuracy=result.test_accuracy,
        test_accuracy_std=result.test_accuracy_std,
        balanced_accuracy=result.balanced_accuracy,
        parameters=result.parameters,
        multiply_adds=result.multiply_adds,
        objective=objective,
        difference=difference.mean,
        interval=(difference.low, difference.high),
        run_directory=str(run.path),
        steps=steps,
        wanted_steps=wanted,
    )


def _tested(run: RunDirectory) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """For every test image its class, and whether the first network of a run is right."""
    with np.load(run.path / "predictions.npz", allow_pickle=False) as predictions:
        labels = predictions["labels"]
        return labels, labels == predictions["predicted"]
