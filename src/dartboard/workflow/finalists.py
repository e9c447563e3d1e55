"""The choice among several architectures that a search proposes, by a short training of each."""

from collections.abc import Sequence
from functools import partial

from dartboard.engine.finished.proposals import propose, propose_random
from dartboard.engine.finished.search import FinishedSearch
from dartboard.parts.discrete import Pool
from dartboard.records import Finalist, Finalists, GenotypeForms, SeedChoiceRecord
from dartboard.runs import RunDirectory, SelectionDone, make_generator
from dartboard.session.clock import CHILD_FOLDERS
from dartboard.session.search import only_draws, search_problem, search_recipe
from dartboard.session.session import Session
from dartboard.session.sizes import check_sizes, search_length, train_epochs
from dartboard.session.training import holding_out, train_networks
from dartboard.space import Genotype, get_space, parse_genotype
from dartboard.wording import count, percent
from dartboard.workflow.child import attempt, run_child

__all__ = ["check_finalists", "compare_finalists", "describe_finalists", "short_epochs", "told_halves"]

_FOLDER = CHILD_FOLDERS["finalists"]


def check_finalists(session: Session) -> None:
    """Refuse finalists that cannot be trained, before anything is searched.

    Raises:
        SettingsError: the network does not fit the images.
    """
    if session.settings.finalists > 1:
        check_sizes(session, ("train",))


def describe_finalists(session: Session) -> dict[str, str]:
    """One heading and line about the finalists; empty where the search proposes a single architecture."""
    finalists = session.settings.finalists
    if finalists == 1:
        return {}
    epochs = count(short_epochs(session), "epoch")
    return {"finalists": f"{finalists}, trained for {epochs} each{told_halves(session)}; the best is taken"}


def compare_finalists(session: Session, found: Genotype) -> Genotype:
    """Train each architecture that the search proposes for a short time, and take the best on the validation images.

    This is one round of successive halving, as in Hyperband (arXiv:1603.06560): the supernet proposes architectures,
    and short trainings at full size compare them. Every finalist has a run directory of its own; the test images are
    not used. `finalists.json` records all finalists, and the best becomes the genotype of the run.

    Args:
        session: session of a run with its search done.
        found: architecture of the search, the first finalist.

    Returns:
        The best architecture; among equals the one proposed first. It is `found`, and there is no `finalists.json`,
        where the setting `finalists` is 1 or the search proposes nothing else.
    """
    run = session.run
    if session.settings.finalists == 1:
        return found
    # Once `finalists.json` is written, `found` may already be the chosen finalist instead of the search's own result.
    proposals = [] if Finalists.exists(run.path) else _proposals(session, found)
    if len(proposals) == 1:
        session.observer.note("The search proposes only one architecture, so there is nothing to compare.")
        return found
    with session.phase("finalists"):
        if proposals:
            _record(session, proposals).write(run.path)
    finalists = Finalists.read(run.path)
    best = finalists.chosen
    session.observer.note(
        f"Of {len(finalists.finalists)} architectures, number {best.number} is the best after a short training "
        f"({percent(best.validation_accuracy)} {finalists.objective.replace('-', ' ')} on the validation images)."
    )
    genotype = best.genotype.genotype
    run.write("genotype.json", genotype.to_json())
    return genotype


def told_halves(session: Session) -> str:
    """On which images short trainings learn and are scored, where none are held out for validation; else empty."""
    halves = holding_out(session)
    if halves is session:
        return ""
    return f" on {len(halves.splits.train)} images and scored on {len(halves.splits.validation)} others"


def short_epochs(session: Session) -> int:
    """Epochs of a short training; at most those of the whole training."""
    return min(session.settings.short_train_epochs, train_epochs(session))


def _proposals(session: Session, found: Genotype) -> list[Genotype]:
    """The architecture found and further ones: the runners-up where the search has ranked some, then others.

    The runners-up of a search without a supernet are the next best of its pool. The others come from the gates at the
    end of the search, by the method's own selection; where alpha did not learn, there are none. A method that draws its
    architecture without training draws them as well.
    """
    settings, space = session.settings, get_space(session.settings.space)
    generator = make_generator(settings.seed, "finalists")
    if only_draws(settings):
        return propose_random(space, found, settings.finalists, generator)
    if pool := Pool.find(_searched(session).path):
        ranked = [member.architecture for member in pool.ranked]
        return propose(space, found, None, settings.finalists, generator, ranked=ranked)
    done = [event for event in session.run.events.read() if isinstance(event, SelectionDone)]
    ranked = [parse_genotype(text, space.name) for event in done for text in event.figures.get("runners_up", ())]
    finished = _finished_search(session)
    if finished is None or finished.recipe.update is None:
        return propose(space, found, None, settings.finalists, generator, ranked=ranked)
    return propose(
        space,
        found,
        finished.mean_gates,
        settings.finalists,
        generator,
        selection=finished.recipe.selection,
        searched=finished.drawable,
        ranked=ranked,
    )


def _finished_search(session: Session) -> FinishedSearch | None:
    """The search that has found the architecture: that of the run, or the one that was chosen among several seeds.

    It is None where the checkpoint was removed since.
    """
    settings, source = session.settings, _searched(session)
    if choice := SeedChoiceRecord.find(session.run.path):
        settings = settings.model_copy(update={"seed": choice.chosen.seed})
    if source.load_checkpoint("search", "search") is None:
        return None
    return FinishedSearch(
        search_problem(session),
        search_recipe(settings),
        settings.search,
        source,
        length=search_length(session),
        seed=settings.seed,
    )


def _searched(session: Session) -> RunDirectory:
    """The directory of the search: that of the run, or of the search that was chosen among several seeds."""
    choice = SeedChoiceRecord.find(session.run.path)
    return session.run if choice is None else RunDirectory(session.run.path / choice.chosen.folder)


def _record(session: Session, proposals: Sequence[Genotype]) -> Finalists:
    numbers = {f"Finalist {number}": number for number in range(1, len(proposals) + 1)}
    works = {what: partial(_train, session, number, proposals) for what, number in numbers.items()}
    accuracies, failed = attempt(session.observer, works)
    best = max(accuracies, key=accuracies.__getitem__)  # the first of those that are equal
    return Finalists(
        epochs=short_epochs(session),
        objective=session.settings.objective,
        finalists=tuple(
            Finalist(
                number=numbers[what],
                folder=f"{_FOLDER}/{numbers[what]}",
                genotype=GenotypeForms.of(proposals[numbers[what] - 1]),
                validation_accuracy=accuracy,
                chosen=what == best,
            )
            for what, accuracy in accuracies.items()
        ),
        failed=failed,
    )


def _train(session: Session, number: int, proposals: Sequence[Genotype]) -> float:
    """Accuracy of one finalist on the validation images, by the objective; trains it first unless that is done."""
    genotype, objective = proposals[number - 1], session.settings.objective
    short = {"epochs": short_epochs(session), "runs": 1, "hold_out": True, "start": "fresh"}
    train = session.settings.train.model_copy(update=short)
    child = run_child(
        session,
        f"{_FOLDER}/{number}",
        {"genotype": genotype.to_json(), "train": train, "baselines": False, "budget": None},
        lambda child: train_networks(holding_out(child), genotype),
        task=f"Finalist {number} of {len(proposals)}: {genotype.to_text()}",
    )
    accuracy = child.validation_accuracy(objective)
    assert accuracy is not None
    return accuracy
