"""Verbs that search and train: run, search, train, and the plan of what they would do."""

import tempfile
from pathlib import Path

from dartboard.api.opening import Layer, Place, begin, opened
from dartboard.budget import FOUND, allot_trainings
from dartboard.data import Data
from dartboard.records import Result
from dartboard.runs import Observer
from dartboard.session import evaluate_networks, finished_result, read_genotype, train_networks
from dartboard.settings import search_request, train_request
from dartboard.workflow import (
    Plan,
    announce,
    choose_genotype,
    compare_baselines,
    compare_finalists,
    describe_plan,
    finish_run,
)

__all__ = ["plan", "run", "search", "train"]


def run(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.run(...)",
) -> Result:
    """Search an architecture, train it from scratch, test it once, report.

    With the setting `seeds`, search with each of them and choose among what they find, by the rule `choose`. With
    `finalists`, train several architectures that the search proposes for a short time, and take the best.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None stands for scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        out: the run directory; None makes a new one under `runs/`.
        resume: go on with the run in `out`, or begin it there.
        observer: hears of progress; `dartboard.progress()` shows it.
        command: what to record as the command that was typed.

    Returns:
        The summary, as in `result.json`; its `test_accuracy` is None where there are no test images, or no labels of
        them.

    Raises:
        DartboardError: what is asked cannot be done; the message is one sentence for the user.
    """
    with opened(data, search_request(data, layers, ("search", "train")), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        begin(session, ("search", "train"))
        genotype = compare_finalists(session, choose_genotype(session))
        allowances = allot_trainings(session, genotype)
        evaluate_networks(session, train_networks(session, genotype, allowances.get(FOUND)))
        if session.settings.baselines:
            compare_baselines(session, genotype, allowances)
        return finish_run(session, command)


def search(
    data: Data | None = None,
    *layers: Layer,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.search(...)",
) -> Result:
    """Search an architecture and report; the test images are not touched.

    The settings `seeds`, `choose` and `finalists` mean what they mean in `run`.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None stands for scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        out: the run directory; None makes a new one under `runs/`.
        resume: go on with the run in `out`, or begin it there.
        observer: hears of progress; `dartboard.progress()` shows it.
        command: what to record as the command that was typed.

    Returns:
        The summary; its `validation_accuracy` is the supernet's, `test_accuracy` is None.

    Raises:
        DartboardError: what is asked cannot be done; the message is one sentence for the user.
    """
    with opened(data, search_request(data, layers, ("search",)), out, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        begin(session, ("search",))
        compare_finalists(session, choose_genotype(session))
        return finish_run(session, command)


def train(
    data: Data | None = None,
    *layers: Layer,
    genotype: Place,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.train(...)",
) -> Result:
    """Train a given architecture from scratch, test it once, report.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None stands for scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        genotype: a run directory, a JSON file, a NAS-Bench-201 string, `Genotype(...)` text or a published name.
        out: the run directory; None makes a new one under `runs/`.
        resume: go on with the run in `out`, or begin it there.
        observer: hears of progress; `dartboard.progress()` shows it.
        command: what to record as the command that was typed.

    Returns:
        The summary, whose `method` is None.

    Raises:
        DartboardError: what is asked cannot be done; the message is one sentence for the user.
    """
    given = read_genotype(genotype)
    with opened(data, train_request(data, layers, given), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        begin(session, ("train",))
        session.run.write("genotype.json", given.to_json())
        allowances = allot_trainings(session, given)
        evaluate_networks(session, train_networks(session, given, allowances.get(FOUND)))
        return finish_run(session, command)


def plan(
    data: Data | None = None,
    *layers: Layer,
    genotype: Place | None = None,
    observer: Observer | None = None,
) -> Plan:
    """Decide all that `run` would decide, or `train` with a `genotype`, and how long it would take; nothing is kept.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None stands for scikit-learn's digits.
        layers: settings with nested or dotted keys, such as `{"space": "darts", "search.epochs": 10}`; later ones win
            over earlier ones, over the preset and over the defaults.
        genotype: what is trained, as in `train`; None plans a search and the training of what it finds.
        observer: hears of progress; `dartboard.progress()` shows it.

    Returns:
        What is decided and why, and for a budget the seconds of every phase.

    Raises:
        DartboardError: what is asked cannot be done; the message is one sentence for the user.
    """
    given = None if genotype is None else read_genotype(genotype)
    request = train_request(data, layers, given) if given else search_request(data, layers, ("search", "train"))
    with (
        tempfile.TemporaryDirectory(prefix="dartboard-plan-") as folder,
        opened(data, request, Path(folder) / "run", False, observer) as session,
    ):
        return describe_plan(session, announce(session, request.steps))
