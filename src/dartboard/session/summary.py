"""The end of a run: the summary in `result.json`, which a resumed run reads again."""

from datetime import UTC, datetime

from dartboard.devices import device_name
from dartboard.records import (
    AnalysisRecord,
    Baselines,
    CollapseSummary,
    Finalists,
    GenotypeForms,
    LimitsRecord,
    ReselectionRecord,
    Result,
    Scores,
    SeedChoiceRecord,
    TableLookUp,
    Timetable,
)
from dartboard.records.result import versions
from dartboard.runs import CollapsedSearch, PhaseEnd, RunDirectory, SearchEpoch
from dartboard.session.clock import phase_seconds
from dartboard.session.limits import fitted
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan
from dartboard.session.training import last_validation_accuracy
from dartboard.space import Genotype, get_space, lets_images_through, network_cost

__all__ = ["finished_result", "recorded_result", "summarize"]


def finished_result(session: Session, *, tested: bool) -> Result | None:
    """The result of a run with nothing left to do, else None; the observer is told that the run has ended.

    Args:
        session: the session.
        tested: whether the run includes the test.
    """
    result = recorded_result(session, tested=tested)
    if result is not None:
        session.observer.note(f"The run in {session.run.path} has ended; this is its result.")
    return result


def recorded_result(session: Session, *, tested: bool) -> Result | None:
    """The recorded result of a run with nothing left to do, else None; the observer is not told.

    Args:
        session: the session.
        tested: whether the run includes the test.
    """
    if not session.has_ended:
        return None
    try:
        result = Result.from_json(session.run.read("result.json"))
    except ValueError:
        return None
    return None if tested and not _tested(session, result) else result


def summarize(session: Session, genotype: Genotype, command: str) -> Result:
    """Write the summary of the run directory to `result.json`, and return it."""
    run, settings = session.run, session.settings
    scores, timetable = Scores.find(run.path), Timetable.find(run.path)
    baselines = Baselines.find(run.path)
    session = fitted(session, genotype)
    plan = network_plan(session, "train")
    height, width = session.dataset.image_shape[1:]
    cost = network_cost(get_space(genotype.space), genotype, plan, (height, width))
    result = Result(
        dataset=session.dataset_record,
        space=genotype.space,
        method=None if settings.genotype else settings.method.name,
        seed=settings.seed,
        genotype=GenotypeForms.of(genotype),
        blind=not lets_images_through(get_space(genotype.space), genotype, plan),
        tables=TableLookUp.of(genotype),
        reselection=ReselectionRecord.find(run.path),
        analysis=AnalysisRecord.find(run.path),
        collapse=_collapse(run),
        choice=SeedChoiceRecord.find(run.path),
        finalists=Finalists.find(run.path),
        train_start=settings.train.start if run.has("model.json") else None,
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
        limits=LimitsRecord.find(run.path),
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
        memory=_memory(run),
        device=device_name(session.device),
        versions=versions(),
        command=command,
        run_directory=str(run.path),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    result.write(run.path)
    return result


def _collapse(run: RunDirectory) -> CollapseSummary | None:
    """What is known of a search that collapsed, if one did and was not only warned of."""
    record = CollapsedSearch.find(run.path)
    if record is None:
        return None
    return CollapseSummary.of(record, [event for event in run.events.read() if isinstance(event, SearchEpoch)])


def _memory(run: RunDirectory) -> int | None:
    """The largest memory of search and training, in bytes."""
    ended = [event for event in run.events.read() if isinstance(event, PhaseEnd) and event.phase in ("search", "train")]
    return max((event.memory for event in ended if event.memory is not None), default=None)


def _tested(session: Session, result: Result) -> bool:
    """Whether a finished run includes its test; without test images, whether it has a trained network."""
    if not len(session.splits.test):
        return session.run.has("model.json")
    return result.test_accuracy is not None or session.run.has("predictions.npy")
