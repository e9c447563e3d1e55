"""What the verbs `run`, `search` and `train` do, each as a story of steps, for studies and comparisons as well."""

from pathlib import Path

from dartboard.budget import allot_trainings
from dartboard.data import Data
from dartboard.records import Result
from dartboard.runs import Observer
from dartboard.session import FOUND, evaluate_networks, finished_result, holds_contest, train_networks, within_limit
from dartboard.session.training import holding_out
from dartboard.settings import search_request, train_request
from dartboard.space import Genotype
from dartboard.workflow.baselines import compare_baselines
from dartboard.workflow.child import finish_run
from dartboard.workflow.contest import hold_contest
from dartboard.workflow.finalists import compare_finalists
from dartboard.workflow.opening import Layer, begin, opened
from dartboard.workflow.seeds import choose_genotype

__all__ = ["make_run", "make_search", "make_short_training", "make_training"]


def make_run(
    data: Data | None,
    layers: tuple[Layer, ...],
    *,
    out: Path | None,
    resume: bool,
    observer: Observer | None,
    command: str,
) -> Result:
    """Search an architecture, train it from scratch, and test it once; see `dartboard.run`."""
    with opened(data, search_request(data, layers, ("search", "train")), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        session = begin(session, ("search", "train"), command)
        session, genotype = hold_contest(session, compare_finalists(session, choose_genotype(session)))
        session = within_limit(session, genotype)
        allowances = allot_trainings(session, genotype)
        evaluate_networks(session, train_networks(session, genotype, allowances.get(FOUND)))
        if session.settings.baselines and not holds_contest(session):
            compare_baselines(session, genotype, allowances)
        return finish_run(session, command)


def make_search(
    data: Data | None,
    layers: tuple[Layer, ...],
    *,
    out: Path | None,
    resume: bool,
    observer: Observer | None,
    command: str,
) -> Result:
    """Search an architecture; the test images are not used; see `dartboard.search`."""
    with opened(data, search_request(data, layers, ("search",)), out, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        session = begin(session, ("search",), command)
        session = within_limit(session, compare_finalists(session, choose_genotype(session)))
        return finish_run(session, command)


def make_training(
    data: Data | None,
    layers: tuple[Layer, ...],
    genotype: Genotype,
    *,
    out: Path | None,
    resume: bool,
    observer: Observer | None,
    command: str,
) -> Result:
    """Train a given architecture from scratch, and test it once; see `dartboard.train`."""
    with opened(data, train_request(data, layers, genotype), out, resume, observer) as session:
        if result := finished_result(session, tested=True):
            return result
        session = begin(session, ("train",), command, genotype)
        session.run.write("genotype.json", genotype.to_json())
        session = within_limit(session, genotype)
        allowances = allot_trainings(session, genotype)
        evaluate_networks(session, train_networks(session, genotype, allowances.get(FOUND)))
        return finish_run(session, command)


def make_short_training(
    data: Data | None,
    layers: tuple[Layer, ...],
    genotype: Genotype,
    *,
    out: Path | None,
    resume: bool,
    observer: Observer | None,
    command: str,
) -> Result:
    """Train a given architecture to compare it with others on images held out; the test images are not used."""
    with opened(data, train_request(data, layers, genotype), out, resume, observer) as session:
        if result := finished_result(session, tested=False):
            return result
        session = begin(session, ("train",), command, genotype)
        session.run.write("genotype.json", genotype.to_json())
        train_networks(holding_out(within_limit(session, genotype)), genotype)
        return finish_run(session, command)
