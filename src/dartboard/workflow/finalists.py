"""The end of a search that proposes several architectures: each is trained for a short time, and the best is taken."""

from collections.abc import Sequence

import torch

from dartboard.engine.finished.proposals import propose
from dartboard.errors import SettingsError
from dartboard.records import Finalist, Finalists, GenotypeForms
from dartboard.runs import SearchEpoch, make_generator
from dartboard.session.clock import CHILD_FOLDERS
from dartboard.session.session import Session
from dartboard.session.sizes import check_sizes, train_epochs
from dartboard.session.training import train_networks
from dartboard.space import Genotype, get_space
from dartboard.wording import count, percent
from dartboard.workflow.child import run_child

__all__ = ["check_finalists", "compare_finalists", "describe_finalists", "short_epochs"]

_FOLDER = CHILD_FOLDERS["finalists"]


def check_finalists(session: Session) -> None:
    """Refuse finalists that cannot be held, before anything is searched.

    Raises:
        SettingsError: the network does not fit the images, or no images are held out for validation.
    """
    if session.settings.finalists == 1:
        return
    check_sizes(session, ("train",))
    if not len(session.splits.validation):
        raise SettingsError(
            "finalists are compared on images held out for validation, and there are none; raise "
            "data.validation_fraction, or set finalists=1."
        )


def describe_finalists(session: Session) -> dict[str, str]:
    """How the finalists go, as a heading and a line; empty where the search has the last word."""
    finalists = session.settings.finalists
    if finalists == 1:
        return {}
    epochs = count(short_epochs(session), "epoch")
    return {"finalists": f"{finalists}, trained for {epochs} each; the best is taken"}


def compare_finalists(session: Session, found: Genotype) -> Genotype:
    """Train what the search proposes for a short time each, and take the best on images held out for validation.

    Successive halving in one round (arXiv:1603.06560): the supernet tells which architectures are worth a look, and
    short trainings at full size tell which of these to train. Every finalist has a run directory of its own; the test
    images are not touched. `finalists.json` tells of all, and the best becomes the genotype of the run.

    Args:
        session: the search done.
        found: its architecture, the first finalist.

    Returns:
        The best, among equals the one proposed first; `found` where the setting `finalists` is 1, or the search is so
        sure that it proposes nothing else: then there is no `finalists.json`.
    """
    run = session.run
    if session.settings.finalists == 1:
        return found
    # Once there is `finalists.json`, the architecture found may no longer be that of the run.
    proposals = [] if Finalists.exists(run.path) else _proposals(session, found)
    if len(proposals) == 1:
        session.observer.note("The search proposes one architecture alone, so nothing is left to compare.")
        return found
    with session.phase("finalists"):
        if proposals:
            _record(session, proposals).write(run.path)
    finalists = Finalists.read(run.path)
    best = finalists.chosen
    session.observer.note(
        f"Of {len(finalists.finalists)} architectures, number {best.number} does best after a short training "
        f"({percent(best.validation_accuracy)} {finalists.objective.replace('-', ' ')} on the validation images)."
    )
    genotype = best.genotype.genotype
    run.write("genotype.json", genotype.to_json())
    return genotype


def short_epochs(session: Session) -> int:
    """Epochs of a short training."""
    return min(session.settings.short_train_epochs, train_epochs(session))


def _proposals(session: Session, found: Genotype) -> list[Genotype]:
    """Drawn from the gates of the last epoch, or evenly where nothing was learned."""
    settings, space = session.settings, get_space(session.settings.space)
    epochs = [event for event in session.run.events.read() if isinstance(event, SearchEpoch)]
    gates = {kind: torch.tensor(rows) for kind, rows in epochs[-1].gates.items()} if epochs else None
    return propose(space, found, gates, settings.finalists, make_generator(settings.seed, "finalists"))


def _record(session: Session, proposals: Sequence[Genotype]) -> Finalists:
    accuracies = [_train(session, number, proposals) for number in range(1, len(proposals) + 1)]
    best = accuracies.index(max(accuracies))
    return Finalists(
        epochs=short_epochs(session),
        objective=session.settings.objective,
        finalists=tuple(
            Finalist(
                number=number,
                folder=f"{_FOLDER}/{number}",
                genotype=GenotypeForms.of(proposal),
                validation_accuracy=accuracy,
                chosen=number == best + 1,
            )
            for number, (proposal, accuracy) in enumerate(zip(proposals, accuracies, strict=True), 1)
        ),
    )


def _train(session: Session, number: int, proposals: Sequence[Genotype]) -> float:
    """How well one finalist does on the validation images, after its short training where that is not done."""
    genotype, objective = proposals[number - 1], session.settings.objective
    train = session.settings.train.model_copy(update={"epochs": short_epochs(session), "runs": 1})
    child = run_child(
        session,
        f"{_FOLDER}/{number}",
        {"genotype": genotype.to_json(), "train": train, "baselines": False, "budget": None},
        lambda child: train_networks(child, genotype),
        task=f"Finalist {number} of {len(proposals)}: {genotype.to_text()}",
    )
    accuracy = child.validation_accuracy(objective)
    assert accuracy is not None
    return accuracy
