"""The search step of a run with several seeds: one search with each seed, and the choice of one search."""

from collections.abc import Sequence
from functools import partial
from statistics import fmean, pstdev

from dartboard.engine.finished.seed_choice import CHOICE_RULES, ChoiceRule, SeedChoice, SeedOutcome
from dartboard.parts.discrete import Pool
from dartboard.records import Candidate, GenotypeForms, SeedChoiceRecord
from dartboard.runs import Objective, PhaseEnd, RunDirectory, SearchEpoch
from dartboard.session.clock import CHILD_FOLDERS, phase_seconds
from dartboard.session.searching import search_genotype
from dartboard.session.session import Session
from dartboard.session.sizes import check_sizes
from dartboard.session.training import holding_out, train_networks
from dartboard.settings.genotype import read_genotype
from dartboard.settings.tree import RunSettings
from dartboard.space import Genotype
from dartboard.wording import count, listing
from dartboard.workflow.child import attempt, run_child
from dartboard.workflow.finalists import short_epochs, told_halves

__all__ = ["check_choice", "choose_genotype", "describe_choice", "supernet_accuracy"]


def check_choice(session: Session) -> None:
    """Refuse a short training that cannot be built, before anything is searched.

    Raises:
        SettingsError: the network does not fit the images.
    """
    settings = session.settings
    if settings.seeds is not None and _rule(settings).short_train:
        check_sizes(session, ("train",))


def describe_choice(session: Session) -> dict[str, str]:
    """One heading and line about the seeds and the choice rule; empty for a single search."""
    settings, after = session.settings, ""
    if settings.seeds is None:
        return {}
    if _rule(settings).short_train:
        epochs = short_epochs(session)
        after = f" after {count(epochs, 'epoch')} of training each{told_halves(session)}"
    seeds = f"{'seed' if len(settings.seeds) == 1 else 'seeds'} {listing(map(str, settings.seeds))}"
    return {"candidates": f"{seeds}; {settings.choose} chooses{after}"}


def choose_genotype(session: Session) -> Genotype:
    """Search once, or with the setting `seeds` once with each seed, and take the search that the rule chooses.

    Every candidate is an ordinary search with a run directory of its own. It uses the images of this run, but not the
    test images. Genotype and search events of the chosen candidate become those of this run.
    """
    settings, run = session.settings, session.run
    if settings.seeds is None:
        return search_genotype(session)
    if run.has("genotype.json"):
        return read_genotype(run.path)
    rule = _rule(settings)
    works = {f"The search with seed {seed}": partial(_search, session, seed, rule) for seed in settings.seeds}
    found, failed = attempt(session.observer, works)
    outcomes = list(found.values())
    choice = rule(outcomes)
    _say(session, rule, choice)
    _take_over(session, choice.chosen.seed)
    _record(session, rule, outcomes, choice).model_copy(update={"failed": failed}).write(run.path)
    run.write("genotype.json", choice.chosen.genotype.to_json())
    return choice.chosen.genotype


def _search(session: Session, seed: int, rule: ChoiceRule) -> SeedOutcome:
    """Search with one seed, resuming an interrupted search, and train the result briefly if the rule asks for it."""
    settings, objective = session.settings, session.settings.objective
    short = {"epochs": short_epochs(session), "runs": 1, "hold_out": True} if rule.short_train else {}
    changes = {
        "seed": seed,
        "data": settings.data.model_copy(update={"split_seed": settings.split_seed}),
        "train": settings.train.model_copy(update=short),
    }

    def work(child: Session) -> None:
        genotype = search_genotype(child)
        if rule.short_train:
            train_networks(holding_out(child), genotype)

    place = session.run.path / _folder(seed)
    child = run_child(session, _folder(seed), changes, work, task=f"The search with seed {seed} is in {place}.")
    return SeedOutcome(
        seed,
        read_genotype(child.run.path),
        supernet_accuracy(child.run, objective),
        child.validation_accuracy(objective) if rule.short_train else None,
    )


def supernet_accuracy(run: RunDirectory, objective: Objective) -> float | None:
    """The best accuracy of a supernet on validation images in the form from which its architecture was read.

    Of a search by evaluations it is the last accuracy of the best architecture in its pool.

    Args:
        run: directory of a search.
        objective: the accuracy that counts.
    """
    pool = Pool.find(run.path)
    if pool and pool.best:
        return pool.best.accuracies[-1]
    epochs = [event for event in run.events.read() if isinstance(event, SearchEpoch)]
    accuracies = [event.validation(objective) for event in _decisive(epochs)] if epochs else []
    return max((accuracy for accuracy in accuracies if accuracy is not None), default=None)


def _decisive(epochs: Sequence[SearchEpoch]) -> list[SearchEpoch]:
    """The epochs whose supernets had the form from which the architecture was read in the end.

    A method in stages or with decisions makes its supernet discrete step by step. Before, it was softer and scored
    higher, without having produced the architecture: only epochs of the last stage and after the last decision count.
    """
    return [each for each in epochs if (each.stage, _open_edges(each)) == (epochs[-1].stage, _open_edges(epochs[-1]))]


def _open_edges(epoch: SearchEpoch) -> int:
    """Number of edges on which more than one operation had a gate."""
    return sum(sum(gate != 0 for gate in row) > 1 for rows in epoch.gates.values() for row in rows)


def _take_over(session: Session, seed: int) -> None:
    """Copy the search events of the chosen candidate into this run, with the seconds of all candidates together."""
    events = session.run.events
    candidates = {each: RunDirectory(session.run.path / _folder(each)) for each in session.settings.seeds or ()}
    seconds = [phase_seconds(candidate)["total"] for candidate in candidates.values()]
    events.keep(lambda event: event.phase != "search")
    for event in candidates[seed].events.read():
        if event.phase == "search" and not isinstance(event, PhaseEnd):
            events.append(event)
    events.append(PhaseEnd(phase="search", seconds=sum(seconds)))


def _record(session: Session, rule: ChoiceRule, outcomes: list[SeedOutcome], choice: SeedChoice) -> SeedChoiceRecord:
    scores = [score for score in map(rule.score, outcomes) if score is not None]
    return SeedChoiceRecord(
        rule=session.settings.choose,
        objective=session.settings.objective,
        rule_violated=choice.rule_violated,
        accuracy_mean=fmean(scores) if scores else None,
        accuracy_std=pstdev(scores) if scores else None,
        candidates=tuple(
            Candidate(
                seed=outcome.seed,
                folder=_folder(outcome.seed),
                genotype=GenotypeForms.of(outcome.genotype),
                supernet_accuracy=outcome.supernet_accuracy,
                short_train_accuracy=outcome.short_train_accuracy,
                rejected=choice.rejected.get(outcome.seed),
                chosen=outcome is choice.chosen,
            )
            for outcome in outcomes
        ),
    )


def _say(session: Session, rule: ChoiceRule, choice: SeedChoice) -> None:
    made = count(len(session.settings.seeds or ()), "search", "searches")
    sentence = f"Of {made}, the one with seed {choice.chosen.seed} is chosen"
    if choice.rule_violated:
        sentence += f", although {session.settings.choose} rejects all of them"
    if rule.score(choice.chosen) is None:
        sentence += ", only by its seed, since no supernet was scored"
    session.observer.note(f"{sentence}.")


def _rule(settings: RunSettings) -> ChoiceRule:
    rule: ChoiceRule = CHOICE_RULES.made(settings.choose, CHOICE_RULES[settings.choose].factory)
    return rule


def _folder(seed: int) -> str:
    return f"{CHILD_FOLDERS['search']}/seed-{seed}"
