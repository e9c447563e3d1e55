"""A look into what a search has learned, once it has ended."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dartboard.config import resolve
from dartboard.engine.finished.analyses.protocol import Analysis, Measurement, make_analysis, run_analysis
from dartboard.engine.finished.search import FinishedSearch
from dartboard.errors import CheckpointError, RunDirectoryError
from dartboard.records import AnalysisRecord
from dartboard.runs import RunDirectory
from dartboard.session.finished import check_same_images, directory_beside, finished_run, trained_supernet
from dartboard.session.search import search_problem, search_recipe
from dartboard.session.session import Session
from dartboard.session.sizes import search_length
from dartboard.settings.migration import migrate
from dartboard.settings.tree import ALONE, RunSettings
from dartboard.space import get_space

__all__ = ["analyse_search", "analysis_directory", "analysis_settings", "plan_analysis"]


def analysis_settings(run_directory: Path, name: str, options: dict[str, Any]) -> RunSettings:
    """The settings of the run, with what to analyse.

    Raises:
        RunDirectoryError: there is no run, its search has not ended, or it is no search.
        CheckpointError: the run has no supernet, or one that this analysis cannot use.
        UnknownNameError: there is no such analysis.
        SettingsError: an option does not fit.
    """
    wanted, source = make_analysis(name, options), finished_run(run_directory)
    recorded = migrate(source.read("settings.json"))
    for key, what in (("reselection", "a selection from"), ("analysis", "an analysis of")):
        if recorded.get(key):
            raise RunDirectoryError(
                f"{run_directory} holds {what} the search in {recorded[key]['run']}; name that run."
            )
    given = {"analysis": {"run": str(source.path), "name": name, "options": options}}
    settings = resolve(RunSettings, recorded, given, ALONE)
    wanted.refuse(get_space(settings.space))
    _check_supernet(settings, wanted, trained_supernet(source))
    return settings


def _check_supernet(settings: RunSettings, wanted: Analysis, trained: dict[str, Any]) -> None:
    """Refuse supernets that have learned with operations shut out, or that cannot learn on."""
    assert settings.analysis is not None
    why = ""
    if any(trained["decisions"].values()):
        why = "has decided edges during the search, so that other operations were no longer trained"
    elif wanted.learns and search_recipe(settings).hypernetwork:
        why = "has its weights from a hypernetwork, without which it cannot learn on"
    if why:
        raise CheckpointError(
            f"the supernet of {settings.method.name} in {settings.analysis.run} {why}; analyse a run of another method."
        )


def analysis_directory(settings: RunSettings, out: Path | None, *, resume: bool) -> Path:
    """Where the analysis goes: `out`, or a folder RUN-NAME beside the search: a new one unless it is resumed."""
    asked = settings.analysis
    assert asked is not None
    return directory_beside(asked.run, asked.name, out, resume=resume)


def plan_analysis(session: Session) -> list[Measurement]:
    """What is to be measured; nothing is written.

    Raises:
        RunDirectoryError: the dataset is not the one that the supernet was trained on.
        CheckpointError: the checkpoint of the search cannot be used.
        SettingsError: the options leave nothing to measure.
    """
    settings = session.settings
    asked = settings.analysis
    assert asked is not None
    source = RunDirectory(Path(asked.run))
    check_same_images(session, source)
    finished = FinishedSearch(
        search_problem(session),
        search_recipe(settings),
        settings.search,
        source,
        length=search_length(session),
        seed=settings.seed,
    )
    return make_analysis(asked.name, asked.options).measurements(finished)


def analyse_search(session: Session, measurements: Sequence[Measurement]) -> None:
    """Take the measurements that are open, and write what all of them say to `analysis.json`.

    The architecture that the search found is copied beside it, so that the report shows what it is about.
    """
    run, asked = session.run, session.settings.analysis
    assert asked is not None
    with session.phase("analysis"):
        if not AnalysisRecord.exists(run.path):
            wanted = make_analysis(asked.name, asked.options)
            findings = run_analysis(wanted, measurements, run, session.observer)
            AnalysisRecord(name=asked.name, run=asked.run, findings=findings).write(run.path)
    run.write("genotype.json", RunDirectory(Path(asked.run)).read("genotype.json"))
