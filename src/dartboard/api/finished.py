"""Verbs that work on an existing run: select, analyse, report."""

from pathlib import Path

from dartboard.data import Data
from dartboard.records import Comparison, Result, StudyRecord
from dartboard.reports import write_comparison, write_report, write_study
from dartboard.runs import Observer
from dartboard.session import finished_result, within_limit
from dartboard.settings import stored_request
from dartboard.workflow import (
    analyse_search,
    analysis_directory,
    analysis_settings,
    finish_run,
    plan_analysis,
    reselect_genotype,
    reselection_directory,
    reselection_settings,
)
from dartboard.workflow.opening import Layer, Place, begin, opened

__all__ = ["analyse", "report", "select"]


def select(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    limits: Layer | None = None,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.select(...)",
) -> Result:
    """Select another architecture from the supernet of a finished search, without searching again.

    Args:
        run_directory: run directory of the search; nothing in it is changed.
        name: name of the selection; `dartboard.list_selections()` lists them with their options.
        options: options of the selection, by name.
        limits: what the network may cost, as in the settings `limits`, such as `{"macs": "50M"}`; None: as in the
            search.
        data: the images of the search, where they were given as arrays; otherwise the run has recorded their place.
        out: the run directory of the selection; None makes a new one beside that of the search.
        resume: continue the selection in `out`, or begin it there.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `reselection` holds the architecture that the search had chosen.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    settings = reselection_settings(Path(run_directory), name, dict(options or {}), limits)
    place = reselection_directory(settings, Path(out) if out else None, resume=resume)
    with opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        begin(session, ("search",), command)
        session = within_limit(session, reselect_genotype(session))
        return finish_run(session, command)


def analyse(
    run_directory: Place,
    name: str,
    options: Layer | None = None,
    *,
    data: Data | None = None,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.analyse(...)",
) -> Result:
    """Analyse the supernet of a finished search, without searching again.

    Args:
        run_directory: run directory of the search; nothing in it is changed.
        name: name of the analysis; `dartboard.list_analyses()` lists them with their options.
        options: options of the analysis, by name.
        data: the images of the search, where they were given as arrays; otherwise the run has recorded their place.
        out: the run directory of the analysis; None makes a new one beside that of the search.
        resume: continue the analysis in `out`, or begin it there; finished measurements are not repeated.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `analysis` holds the findings, its `genotype` is that of the search.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    settings = analysis_settings(Path(run_directory), name, dict(options or {}))
    place = analysis_directory(settings, Path(out) if out else None, resume=resume)
    with opened(data, stored_request(settings), place, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        measurements = plan_analysis(session)
        begin(session, (), command)
        analyse_search(session, measurements)
        return finish_run(session, command)


def report(run_directory: Place) -> Path:
    """Write the report of a run, a comparison or a study again, from the files in its directory.

    Args:
        run_directory: the run, finished or not, or the directory of a comparison or a study.

    Returns:
        Path of the page: `report.html` of a run or a study, or `comparison.html` of a comparison.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    path = Path(run_directory)
    if StudyRecord.exists(path):
        return write_study(path)
    return write_comparison(path) if Comparison.exists(path) else write_report(path)
