"""The analysis of a finished search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dartboard.config import resolve
from dartboard.engine.finished.analyses.protocol import (
    Analysis,
    Measurement,
    changed_search,
    make_analysis,
    run_analysis,
)
from dartboard.engine.finished.search import FinishedSearch
from dartboard.errors import CheckpointError, RunDirectoryError
from dartboard.records import AnalysisRecord
from dartboard.runs import RunDirectory
from dartboard.session.finished import check_same_images, directory_beside, finished_run, trained_supernet
from dartboard.session.search import learned_recipe, search_problem
from dartboard.session.session import Session
from dartboard.session.sizes import search_length
from dartboard.settings.migration import migrate
from dartboard.settings.tree import ALONE, RunSettings
from dartboard.space import get_space

__all__ = ["analyse_search", "analysis_directory", "analysis_settings", "plan_analysis"]


def analysis_settings(run_directory: Path, name: str, options: dict[str, Any]) -> RunSettings:
    """The settings of an analysis: those of the search, with the name and options of the analysis.

    Raises:
        RunDirectoryError: there is no run, its search has not ended, or it is itself a selection or an analysis.
        CheckpointError: the run has no trained supernet, or one that this analysis cannot use.
        UnknownNameError: there is no such analysis.
        SettingsError: an option does not fit.
    """
    wanted, source = make_analysis(name, options), finished_run(run_directory)
    recorded = source.read_as("settings.json", migrate)
    for key, what in (("reselection", "a selection from"), ("analysis", "an analysis of")):
        if recorded.get(key):
            raise RunDirectoryError(
                f"{run_directory} holds {what} the search in {recorded[key]['run']}; name that run."
            )
    given = {"analysis": {"run": str(source.path), "name": name, "options": options}}
    settings = resolve(RunSettings, recorded, given, ALONE, {"search": changed_search(wanted)})
    wanted.refuse(get_space(settings.space))
    _check_supernet(settings, wanted, trained_supernet(source))
    return settings


def _check_supernet(settings: RunSettings, wanted: Analysis, trained: dict[str, Any]) -> None:
    """Refuse supernets that were trained with some operations removed, or that cannot be trained further.

    Raises:
        CheckpointError: the supernet is one of these.
    """
    assert settings.analysis is not None
    why = ""
    if any(trained["decisions"].values()):
        why = "decided edges during the search, and the other operations of these edges were no longer trained"
    elif wanted.learns and learned_recipe(settings, RunDirectory(Path(settings.analysis.run))).hypernetwork:
        why = "has its weights from a hypernetwork, and cannot be trained further without it"
    if why:
        raise CheckpointError(
            f"the supernet of {settings.method.name} in {settings.analysis.run} {why}; analyse a run of another method."
        )


def analysis_directory(settings: RunSettings, out: Path | None, *, resume: bool) -> Path:
    """Run directory of the analysis: `out`, or a folder RUN-NAME beside the search, which is new without `resume`."""
    asked = settings.analysis
    assert asked is not None
    return directory_beside(asked.run, asked.name, out, resume=resume)


def plan_analysis(session: Session) -> list[Measurement]:
    """The measurements that the analysis will take; nothing is written.

    Raises:
        RunDirectoryError: the dataset is not the one that the supernet was trained on.
        CheckpointError: the checkpoint of the search cannot be used.
        SettingsError: nothing is left to measure under these options.
    """
    settings = session.settings
    asked = settings.analysis
    assert asked is not None
    source = RunDirectory(Path(asked.run))
    check_same_images(session, source)
    finished = FinishedSearch(
        search_problem(session),
        learned_recipe(settings, source),
        settings.search,
        source,
        length=search_length(session),
        seed=settings.seed,
    )
    return make_analysis(asked.name, asked.options).measurements(finished)


def analyse_search(session: Session, measurements: Sequence[Measurement]) -> None:
    """Take the measurements that are not done yet, and write the findings to `analysis.json`.

    The architecture of the search is copied into the run directory, so that the report can show it.
    """
    run, asked = session.run, session.settings.analysis
    assert asked is not None
    with session.phase("analysis"):
        if not AnalysisRecord.exists(run.path):
            wanted = make_analysis(asked.name, asked.options)
            findings = run_analysis(wanted, measurements, run, session.observer)
            AnalysisRecord(name=asked.name, run=asked.run, findings=findings).write(run.path)
    run.write("genotype.json", RunDirectory(Path(asked.run)).read("genotype.json"))
