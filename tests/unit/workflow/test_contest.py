"""A contest trains several networks for a short time; the best goes on as if it had been trained alone."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dartboard import api
from dartboard.budget.allowances import CONTEST_PARTS, contest_costs, contestants, has_time_for_rounds
from dartboard.data import Part, Splits
from dartboard.errors import NonFiniteLossError
from dartboard.records import Contest, Contestant, GenotypeForms
from dartboard.runs import Objective, Observer, RunDirectory, TrainEpoch
from dartboard.session import Session, evaluate_networks, search_genotype, train_networks
from dartboard.session.baselines import find_rivals
from dartboard.session.clock import phase_seconds
from dartboard.settings import read_genotype, resolve_settings
from dartboard.settings.tree import AutomaticChoice
from dartboard.space import PUBLISHED, Genotype
from dartboard.testing import Stopped, timeless
from dartboard.training import load_model
from dartboard.workflow import contest as contests
from dartboard.workflow import hold_contest
from dartboard.workflow.child import finish_run
from resuming import StopIn

from .tiny import TINY, Listener, open_tiny

OWN: Mapping[str, Any] = {
    "contest": True,
    "train": {"epochs": 4, "batch_size": 16, "average": "lookahead", "schedule": "triangle", "views": "mirrored"},
}


def held(folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None) -> Contest:
    """Search, hold the contest and train its winner."""
    with open_tiny(folder, OWN, *layers, observer=observer) as session:
        sized, genotype = hold_contest(session, search_genotype(session))
        evaluate_networks(sized, train_networks(sized, genotype))
        finish_run(sized, "test")
    assert read_genotype(folder) == genotype
    return Contest.read(folder)


def epochs_of(folder: Path) -> list[TrainEpoch]:
    """The epochs of the training, without their times."""
    return [event for event in timeless(RunDirectory(folder).events.read()) if isinstance(event, TrainEpoch)]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder)[0].state_dict()


def test_a_contest_takes_the_place_of_baselines_that_are_trained_to_the_end(tmp_path: Path) -> None:
    result = api.run(None, TINY, OWN, {"baselines": True}, out=tmp_path / "run")
    assert result.baselines == {}
    assert Contest.read(tmp_path / "run").winner is not None
    alone = api.run(None, TINY, OWN, {"baselines": True, "data.validation_fraction": 0.0}, out=tmp_path / "alone")
    assert list(alone.baselines) == ["by-hand", "random", "resnet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contest") / "run"
    held(folder)
    return folder


def test_the_better_half_goes_on_and_the_winner_is_the_best_of_the_last_round(run: Path) -> None:
    contest = Contest.read(run)
    assert [each.name for each in contest.contestants] == ["found", "by-hand", "random", "resnet"]
    assert sorted(len(each.accuracies) for each in contest.contestants) == [1, 1, 2, 2]
    in_first = sorted(contest.contestants, key=lambda each: -each.accuracies[0])
    assert {each.accuracies[0] for each in contest.contestants if len(each.accuracies) == 2} == {
        each.accuracies[0] for each in in_first[:2]
    }
    assert contest.chosen.accuracies[-1] == max(
        each.accuracies[-1] for each in contest.contestants if len(each.accuracies) == 2
    )


def test_the_winner_ends_as_if_it_had_been_trained_alone(run: Path, tmp_path: Path) -> None:
    winner = Contest.read(run).chosen
    size = {"train": {"init_channels": winner.init_channels, "layers": winner.layers}}
    genotype = winner.genotype.genotype
    with open_tiny(tmp_path, OWN, {"contest": False, "space": genotype.space}, size) as session:
        train_networks(session, genotype)
    alone = weights(tmp_path)
    assert alone.keys() == weights(run).keys()
    assert all(torch.equal(alone[name], tensor) for name, tensor in weights(run).items())
    of_the_run, of_the_other = epochs_of(run), epochs_of(tmp_path)
    assert [each.epoch for each in of_the_run] == [1, 2, 3, 4]
    assert [each.train_loss for each in of_the_run] == [each.train_loss for each in of_the_other]


def test_the_settings_stay_as_they_were_and_the_model_has_the_size_of_the_winner(run: Path) -> None:
    winner, card = Contest.read(run).chosen, load_model(run)[1]
    assert (card.init_channels, card.layers) == (winner.init_channels, winner.layers)
    train = json.loads((run / "settings.json").read_text())["train"]
    planned = resolve_settings(TINY, OWN).train
    assert (train["init_channels"], train["layers"]) == (planned.init_channels, planned.layers)
    facts = json.loads((run / "facts.json").read_text())["repeat"]
    assert facts["settings"]["train.init_channels"] == str(planned.init_channels)
    own = {"space": winner.genotype.genotype.space, "train.init_channels": str(card.init_channels)}
    own |= {"train.layers": str(card.layers)}
    assert facts["trained"] == {key: value for key, value in own.items() if facts["settings"][key] != value}


@pytest.mark.parametrize("step", [4, pytest.param(9, marks=pytest.mark.slow), 14])
def test_a_contest_that_is_killed_and_resumed_ends_as_one_that_never_was(run: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(Stopped):
        held(tmp_path, observer=StopIn(step))
    resumed = held(tmp_path)
    whole = Contest.read(run)
    assert (resumed.winner, resumed.worth) == (whole.winner, whole.worth)
    assert [each.accuracies for each in resumed.contestants] == [each.accuracies for each in whole.contestants]
    assert all(torch.equal(weights(tmp_path)[name], tensor) for name, tensor in weights(run).items())
    assert epochs_of(tmp_path) == epochs_of(run)


def test_contestants_have_the_steps_that_the_settings_ask_for(tmp_path: Path) -> None:
    with open_tiny(tmp_path, OWN, {"train.steps_per_epoch": 1}) as session:
        hold_contest(session, search_genotype(session))
    contest = Contest.read(tmp_path)
    assert {each.steps for each in contest.contestants} == {1}
    assert contest.seconds is None


def test_a_contest_is_not_held_twice(run: Path, tmp_path: Path) -> None:
    before, again = (run / "contest.json").read_bytes(), tmp_path / "run"
    shutil.copytree(run, again)
    listener = Listener()
    with open_tiny(again, OWN, observer=listener) as session:
        hold_contest(session, Contest.read(run).contestants[0].genotype.genotype)
    assert listener.notes == []
    assert (again / "contest.json").read_bytes() == before


def test_the_test_images_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, asked = Splits.view, set[str]()

    def view(self: Splits, dataset: Any, part: Part) -> Any:
        asked.add(part)
        return whole(self, dataset, part)

    with open_tiny(tmp_path, OWN) as session:
        genotype = search_genotype(session)
        monkeypatch.setattr(Splits, "view", view)
        hold_contest(session, genotype)
    assert asked == {"train", "validation"}


def test_without_images_held_out_there_is_no_contest(tmp_path: Path) -> None:
    with open_tiny(tmp_path, OWN, {"data.validation_fraction": 0.0}) as session:
        genotype = search_genotype(session)
        assert hold_contest(session, genotype) == (session, genotype)
    assert not Contest.exists(tmp_path)


def test_the_time_of_a_contest_is_a_phase_of_its_own_and_counted_once(run: Path) -> None:
    seconds = phase_seconds(RunDirectory(run))
    trained = [event for event in RunDirectory(run).events.read() if isinstance(event, TrainEpoch)]
    assert [event.phase for event in trained] == ["contest", "train", "train", "train"] or [
        event.phase for event in trained
    ] == ["contest", "contest", "train", "train"]
    assert seconds["contest"] > sum(event.seconds for event in trained if event.phase == "contest")


def test_the_report_and_the_terminal_tell_of_the_contest(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for told in (
        "<h2>Contest</h2>",
        "the network found",
        "a random architecture",
        "the network by hand",
        "its training went on",
        "its mirror image",
    ):
        assert told in page
    facts = json.loads((run / "facts.json").read_text())
    assert facts["contest"]["winner"] == Contest.read(run).winner


def contestant(name: str, *accuracies: float) -> Contestant:
    form = GenotypeForms.of(PUBLISHED["nas-bench-201-resnet"])
    return Contestant(
        name=name, what=name, genotype=form, init_channels=4, layers=1, steps=1, test_seconds=0.0, accuracies=accuracies
    )


def contest(*contestants: Contestant, objective: Objective = "accuracy") -> Contest:
    return Contest(epochs=16, rounds=(1, 2, 3), seconds=1.0, objective=objective, images=9, contestants=contestants)


def test_the_incumbent_stays_until_it_is_beaten() -> None:
    def left(*contestants: Contestant, beaten: bool = False) -> list[str]:
        held = contest(*contestants).model_copy(update={"incumbent": "d", "beaten": beaten})
        return [each.name for each in held.left]

    first = [contestant(name, accuracy) for name, accuracy in zip("abcd", (0.7, 0.6, 0.65, 0.5), strict=True)]
    assert left(*first) == ["a", "d"]
    assert left(*first, beaten=True) == ["a", "c"]
    assert left(*first[:3], contestant("d", 0.68)) == ["a", "d"]
    last = (contestant("a", 0.7, 0.8), contestant("d", 0.5, 0.7))
    assert left(*last) == ["d"]
    assert left(*last, beaten=True) == ["a"]
    assert left(contestant("a", 0.7, 0.8), contestant("b", 0.6, 0.7), contestant("d", 0.5)) == ["a"]


@pytest.mark.parametrize(("more", "winner"), [(3, "by-hand"), (30, "resnet")])
def test_only_a_network_that_is_better_beyond_chance_wins_against_the_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int, winner: str
) -> None:
    """The ResNet is right about so many images more than the network by hand, of which it misses two."""

    def compete(session: Session, record: Contest, each: Contestant, number: int) -> float:
        right = np.zeros(100, bool)
        right[:40] = each.name == "by-hand"
        right[2 : 42 + more] |= each.name == "resnet"
        folder = session.run.path / "contest" / each.name
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"round-{number + 1}.npy", right)
        return float(right.mean())

    monkeypatch.setattr(contests, "_compete", compete)
    monkeypatch.setattr(contests, "_adopt", lambda *_: None)
    monkeypatch.setattr(contests, "_image_side", lambda _: 0.625)
    listener = Listener()
    layer = {"space": "conv-stages", "data.image_size": 16, "train.layers": 9, "search.layers": 9, "method": "random"}
    with open_tiny(tmp_path, OWN, layer, observer=listener) as session:
        hold_contest(session, search_genotype(session))
    held = Contest.read(tmp_path)
    assert held.image_side == 0.625
    assert (held.incumbent, held.winner, held.beaten) == ("by-hand", winner, winner == "resnet")
    assert ("beyond chance" in listener.notes[-1]) == (winner == "by-hand")


def test_equals_are_kept_in_their_order_and_an_odd_number_is_halved_downwards() -> None:
    assert [each.name for each in contest(*map(contestant, "abcde")).left] == list("abcde")
    first = contest(*(contestant(name, 0.5) for name in "abcde"))
    assert [each.name for each in first.left] == ["a", "b"]
    second = contest(contestant("a", 0.5, 0.6), contestant("b", 0.5, 0.7), contestant("c", 0.4))
    assert [each.name for each in second.left] == ["b"]


@pytest.mark.parametrize(("number", "rounds", "parts"), [(1, 0, 48), (2, 1, 49), (3, 1, 50), (4, 2, 52), (8, 3, 59)])
def test_what_a_contest_costs(number: int, rounds: int, parts: int) -> None:
    assert CONTEST_PARTS == 48
    assert contest_costs(number) == (rounds, parts)


def test_a_genotype_that_stands_among_the_baselines_takes_part_once(tmp_path: Path) -> None:
    found: Genotype = PUBLISHED["nas-bench-201-resnet"]
    with open_tiny(tmp_path, OWN) as session:
        hold_contest(session, found)
    assert [each.name for each in Contest.read(tmp_path).contestants] == ["found", "by-hand", "random"]


def test_random_architectures_compete_in_place_of_the_baselines_and_all_differ(tmp_path: Path) -> None:
    contest = held(tmp_path, {"contest_random": 3})
    assert [each.name for each in contest.contestants] == ["found", "random", "random-2", "random-3"]
    assert len({each.genotype.text for each in contest.contestants}) == 4
    assert contest.worth is not None
    assert contest.winner is not None


def test_the_seed_alone_decides_which_random_architectures_compete(tmp_path: Path) -> None:
    found = PUBLISHED["nas-bench-201-resnet"]

    def drawn(name: str, **layer: Any) -> list[Genotype]:
        with open_tiny(tmp_path / name, OWN, {"contest_random": 3}, layer) as session:
            return [each.genotype for each in find_rivals(session, found)]

    assert drawn("one") == drawn("same", train={"epochs": 3}) != drawn("other", seed=1)


def test_rounds_that_tell_nothing_are_left_out_unless_something_needs_them(tmp_path: Path) -> None:
    """Rounds of less than `ROUND_SECONDS`, or of less than half a pass over the images."""

    def has_time(name: str, budget: float, epochs: int, *layers: Mapping[str, Any], open_to: str = "contest") -> bool:
        choices = [{"setting": setting, "value": None, "reason": ""} for setting in ("train.epochs", open_to)]
        own = {"contest": True, "budget": budget, "train": {**OWN["train"], "epochs": epochs}}
        with open_tiny(tmp_path / name, OWN, *layers, own) as session:
            decided = session.settings.model_copy(update={"automatic_choices": tuple(map(choice, choices))})
            made = replace(session, settings=decided)
            return has_time_for_rounds(made, contestants(made, PUBLISHED[f"{made.settings.space}-resnet"]))

    choice = AutomaticChoice.model_validate
    sizes = {"data.image_size": 16, "search.layers": 9}
    drawn = {"space": "conv-stages", "train.layers": 9, "method": "random", **sizes}
    assert not has_time("short", 60.0, 48, drawn)
    assert not has_time("few", 6000.0, 20, drawn)
    assert has_time("many", 6000.0, 40, drawn)
    assert has_time("asked for", 60.0, 4, drawn, open_to="baselines")
    assert has_time("several", 60.0, 4, drawn, {"contest_random": 3})
    assert has_time("searched", 60.0, 4, drawn, {"method": "single-darts"})
    assert has_time("nothing known", 60.0, 4, {"method": "random"})


def test_a_contestant_whose_training_overflows_cannot_win_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = contests.train_networks

    def sometimes(session: Session, *given: Any, **further: Any) -> Any:
        if session.run.path.name == "resnet":
            raise NonFiniteLossError("the training loss is nan.")
        return train(session, *given, **further)

    monkeypatch.setattr(contests, "train_networks", sometimes)
    listener = Listener()
    record = held(tmp_path / "run", observer=listener)
    [failed] = [each for each in record.contestants if each.failure]
    assert (failed.name, failed.failure, failed.accuracies) == ("resnet", "the training loss is nan.", (0.0,))
    assert record.winner not in (None, "resnet")
    assert any("failed: the training loss is nan. It cannot win." in note for note in listener.notes)
    assert "failed: the training loss is nan." in (tmp_path / "run" / "report.html").read_text()
