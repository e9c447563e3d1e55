"""Verbs that search and train: run, search, train; and plan, which says what they would do."""

import tempfile
from dataclasses import replace
from pathlib import Path

from dartboard.budget import expected_seconds
from dartboard.data import Data
from dartboard.records import Result
from dartboard.runs import Observer
from dartboard.settings import read_genotype, search_request, train_request
from dartboard.workflow import Plan, announce, describe_plan
from dartboard.workflow.making import make_run, make_search, make_training
from dartboard.workflow.opening import Layer, Place, opened

__all__ = ["plan", "run", "search", "train"]


def run(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.run(...)",
) -> Result:
    """Search an architecture, train it from scratch, test it once, and write the report.

    With the setting `seeds`, search once with each seed, and choose one of the searches by the rule `choose`. With
    `finalists`, train several proposals of the search for a short time, and take the best.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        out: the run directory; None makes a new one under `runs/`.
        resume: continue the run in `out`, or begin it there.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary, as in `result.json`; its `test_accuracy` is None where there are no test images with labels.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    return make_run(data, layers, out=_path(out), resume=resume, observer=observer, command=command)


def search(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.search(...)",
) -> Result:
    """Search an architecture and write the report; the test images are not used.

    The settings `seeds`, `choose` and `finalists` mean what they mean in `run`.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        out: the run directory; None makes a new one under `runs/`.
        resume: continue the run in `out`, or begin it there.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `validation_accuracy` is that of the supernet, its `test_accuracy` is None.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    return make_search(data, layers, out=_path(out), resume=resume, observer=observer, command=command)


def train(
    data: Data | None = None,
    *layers: Layer,
    genotype: Place,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.train(...)",
) -> Result:
    """Train a given architecture from scratch, test it once, and write the report.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        genotype: a run directory, a JSON file, a NAS-Bench-201 string, `Genotype(...)` text or a published name.
        out: the run directory; None makes a new one under `runs/`.
        resume: continue the run in `out`, or begin it there.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The summary; its `method` is None.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    given = read_genotype(genotype)
    return make_training(data, layers, given, out=_path(out), resume=resume, observer=observer, command=command)


def plan(
    data: Data | None = None,
    *layers: Layer,
    genotype: Place | None = None,
    observer: Observer | None = None,
) -> Plan:
    """Plan what `run` would do, or `train` if a `genotype` is given, and how long it would take; no file is kept.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        genotype: the architecture to train, as in `train`; None plans a search and the training of its result.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.

    Returns:
        The decisions, their reasons, and the seconds of every phase: planned for the budget, or as a few steps took.

    Raises:
        DartboardError: the request cannot be carried out; the message is one sentence for the user.
    """
    given = None if genotype is None else read_genotype(genotype)
    request = train_request(data, layers, given) if given else search_request(data, layers, ("search", "train"))
    with (
        tempfile.TemporaryDirectory(prefix="dartboard-plan-") as folder,
        opened(data, request, Path(folder) / "run", False, observer) as session,
    ):
        if not session.timetable:
            session = replace(session, expected=expected_seconds(session, request.steps, given))
        return describe_plan(session, announce(session, request.steps))


def _path(out: Place | None) -> Path | None:
    return Path(out) if out else None
