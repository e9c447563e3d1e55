"""Short trainings choose among what a search proposes, and never see its test images."""

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

import dartboard
import dartboard.methods
from dartboard.data import Part, Splits
from dartboard.errors import SettingsError
from dartboard.parts.discrete import Pool
from dartboard.runs import (
    EventLog,
    Observer,
    PhaseEnd,
    RunDirectory,
    Score,
    SearchEpoch,
    SelectionDone,
    TrainEpoch,
)
from dartboard.session import Session, search_genotype, summarize
from dartboard.session.clock import phase_seconds
from dartboard.settings import read_genotype
from dartboard.space import Genotype
from dartboard.testing import timeless
from dartboard.training import NetworkTraining
from dartboard.workflow import check_finalists, choose_genotype, compare_finalists, finalists

from .tiny import TINY, Listener, open_tiny

OWN = {"finalists": 3, "short_train_epochs": 1}


def opened(
    folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None
) -> AbstractContextManager[Session]:
    return open_tiny(folder, OWN, *layers, observer=observer)


def hold(folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None) -> dict[str, Any]:
    """Search and hold the finalists; the content of finalists.json."""
    with opened(folder, *layers, observer=observer) as session:
        genotype = compare_finalists(session, choose_genotype(session))
    assert genotype == read_genotype(folder)
    content: dict[str, Any] = json.loads((folder / "finalists.json").read_text())
    return content


def train_epochs_of(folder: Path) -> list[dict[str, Any]]:
    """The events of the training's epochs without their times."""
    events = EventLog(folder / "events.jsonl").read()
    return [event.to_json() for event in timeless(events) if isinstance(event, TrainEpoch)]


def written(folder: Path) -> dict[Path, int]:
    """When the files below a folder were written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory after a search and its finalists."""
    folder = tmp_path_factory.mktemp("held") / "run"
    hold(folder)
    return folder


def test_every_finalist_is_recorded_with_its_training(held: Path) -> None:
    facts = json.loads((held / "finalists.json").read_text())
    assert facts["epochs"] == 1
    assert [each["number"] for each in facts["finalists"]] == [1, 2, 3]
    for each in facts["finalists"]:
        folder = held / each["folder"]
        assert each["genotype"]["json"] == json.loads((folder / "genotype.json").read_text())
        (training,) = train_epochs_of(folder)
        assert each["validation_accuracy"] == training["validation_accuracy"]
        assert (folder / "report.html").exists()
    searched = [event for event in EventLog(held / "events.jsonl").read() if isinstance(event, SearchEpoch)]
    (last,) = [event for event in searched if event.epoch == 2]
    assert facts["finalists"][0]["genotype"]["json"] == last.genotype


def test_the_best_becomes_that_of_the_run(held: Path) -> None:
    facts = json.loads((held / "finalists.json").read_text())
    (chosen,) = [each for each in facts["finalists"] if each["chosen"]]
    assert chosen["validation_accuracy"] == max(each["validation_accuracy"] for each in facts["finalists"])
    assert chosen["genotype"]["json"] == json.loads((held / "genotype.json").read_text())
    assert train_epochs_of(held) == []


@pytest.mark.parametrize(("accuracies", "best"), [((0.2, 0.5, 0.5), 2), ((0.5, 0.5, 0.5), 1), ((0.1, 0.2, 0.3), 3)])
def test_the_highest_accuracy_decides_and_among_equals_the_first(
    held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accuracies: tuple[float, ...], best: int
) -> None:
    monkeypatch.setattr(finalists, "_train", lambda _, number, __: accuracies[number - 1])
    folder, listener = tmp_path / "run", Listener()
    facts = hold(folder, observer=listener)
    assert [each["chosen"] for each in facts["finalists"]] == [number == best for number in (1, 2, 3)]
    assert [each["validation_accuracy"] for each in facts["finalists"]] == list(accuracies)
    chosen = facts["finalists"][best - 1]
    assert json.loads((folder / "genotype.json").read_text()) == chosen["genotype"]["json"]
    assert listener.notes[-1] == (
        f"Of 3 architectures, number {best} is the best after a short training "
        f"({accuracies[best - 1]:.2%} accuracy on the validation images)."
    )
    # The proposals follow from the search alone.
    before = json.loads((held / "finalists.json").read_text())
    assert [each["genotype"] for each in facts["finalists"]] == [each["genotype"] for each in before["finalists"]]


@pytest.mark.parametrize(("objective", "best"), [("accuracy", 1), ("balanced-accuracy", 2)])
def test_what_counts_decides_the_finals(
    objective: str, best: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([Score(1.0, 0.9, 0.1), Score(1.0, 0.2, 0.8)])
    monkeypatch.setattr(NetworkTraining, "validate", lambda _: next(scores))
    facts = hold(tmp_path / "run", {"finalists": 2, "objective": objective})
    assert facts["objective"] == objective
    assert [each["chosen"] for each in facts["finalists"]] == [number == best for number in (1, 2)]
    wanted = [0.9, 0.2] if objective == "accuracy" else [0.1, 0.8]
    assert [each["validation_accuracy"] for each in facts["finalists"]] == wanted


def test_the_finals_never_look_at_test_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    view = Splits.view

    def watched(splits: Splits, dataset: Any, part: Part) -> Any:
        seen.add(part)
        return view(splits, dataset, part)

    monkeypatch.setattr(Splits, "view", watched)
    hold(tmp_path / "run", {"finalists": 2})
    assert seen == {"weights", "alphas", "train", "validation"}
    assert not list((tmp_path / "run").rglob("scores.json"))


def test_all_finalists_work_on_the_images_of_the_run(held: Path) -> None:
    split = (held / "split.json").read_bytes()
    assert [(held / "finalists" / str(number) / "split.json").read_bytes() for number in (1, 2, 3)] == [split] * 3


def test_the_result_tells_of_the_finals_and_their_time(held: Path) -> None:
    with opened(held) as session:
        result = summarize(session, read_genotype(held), "a test")
    (held / "result.json").unlink()
    assert result.finalists is not None
    assert result.finalists.to_json() == json.loads((held / "finalists.json").read_text())
    assert result.seconds["finalists"] > 0
    assert result.finalists.chosen.genotype == result.genotype
    own = json.loads((held / "finalists" / "1" / "result.json").read_text())
    assert (own["finalists"], own["method"], own["test_accuracy"]) == (None, None, None)


def test_the_command_of_a_finalist_repeats_its_training(held: Path, tmp_path: Path) -> None:
    folder = held / "finalists" / "2"
    command = json.loads((folder / "result.json").read_text())["command"]
    assert command == f"dartboard train --genotype {folder} --config {folder / 'settings.json'}"
    recorded = json.loads((folder / "settings.json").read_text())
    assert (recorded["finalists"], recorded["train"]["epochs"]) == (1, 1)
    dartboard.train(recorded["source"], recorded, genotype=folder, out=tmp_path / "again")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_after_a_stop_in_the_middle_only_what_is_missing_is_trained_and_comes_out_the_same(
    held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, train = tmp_path / "run", finalists.train_networks
    trained: list[str] = []

    def stopping(session: Session, *rest: Any) -> Any:
        trained.append(session.run.path.name)
        if trained == ["1", "2"]:
            raise KeyboardInterrupt
        return train(session, *rest)

    monkeypatch.setattr(finalists, "train_networks", stopping)
    with pytest.raises(KeyboardInterrupt):
        hold(folder)
    assert not (folder / "finalists.json").exists()
    EventLog(folder / "finalists" / "1" / "events.jsonl").append(PhaseEnd(phase="data", seconds=1000.0))
    done = written(folder / "finalists" / "1")
    hold(folder)
    assert trained == ["1", "2", "2", "3"]
    assert written(folder / "finalists" / "1") == done
    names = ["finalists.json", "genotype.json", *(f"finalists/{number}/model.safetensors" for number in (1, 2, 3))]
    for name in names:
        assert (folder / name).read_bytes() == (held / name).read_bytes()
    assert 1000 < phase_seconds(RunDirectory(folder))["finalists"] == pytest.approx(1000, rel=0.1)


def test_after_a_stop_before_the_genotype_was_replaced_nothing_is_trained_again(held: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(held, folder)
    facts = json.loads((folder / "finalists.json").read_text())
    (folder / "genotype.json").write_text(json.dumps(facts["finalists"][0]["genotype"]["json"]))
    before = written(folder / "finalists")
    assert hold(folder) == facts
    assert written(folder / "finalists") == before
    (chosen,) = [each for each in facts["finalists"] if each["chosen"]]
    assert read_genotype(folder).to_json() == chosen["genotype"]["json"]


def test_a_search_without_supernet_proposes_evenly(tmp_path: Path) -> None:
    facts = hold(tmp_path / "run", {"method": "random"})
    texts = [each["genotype"]["text"] for each in facts["finalists"]]
    assert len(set(texts)) == 3


def test_the_chosen_one_of_several_searches_proposes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    facts = hold(folder, {"seeds": [5, 3], "finalists": 2, "choose": "best-short-train"})
    choice = json.loads((folder / "choice.json").read_text())
    (taken,) = [each for each in choice["candidates"] if each["chosen"]]
    assert facts["finalists"][0]["genotype"] == taken["genotype"]
    assert not list(folder.glob("candidates/*/finalists.json"))
    assert not list(folder.glob("finalists/*/candidates"))
    settings = json.loads((folder / taken["folder"] / "settings.json").read_text())
    assert (settings["finalists"], settings["seeds"]) == (1, None)


def proposed(folder: Path, method: str, *layers: Mapping[str, Any]) -> list[Genotype]:
    """What a small search proposes; six finalists are asked for."""
    with opened(folder, {"method": method, "finalists": 6}, *layers) as session:
        return finalists._proposals(session, search_genotype(session))


def test_proposals_have_what_the_method_demands_of_its_own_choice(tmp_path: Path) -> None:
    cells = {"space": "darts:nodes=2", "search.layers": 3}
    capped = proposed(tmp_path / "p", "p-darts", cells, {"search.epochs": 3, "method.options.max_skips": 1})
    assert len(capped) > 1
    assert all(sum(choice.op == "skip_connect" for choice in each["normal"].choices) <= 1 for each in capped)
    attended = proposed(tmp_path / "att", "att-darts", cells, {"method.options.order": "first"})
    assert len(attended) > 1
    assert all(choice.attention for each in attended for _, cell in each.cells for choice in cell.choices)
    without = proposed(tmp_path / "fair", "fair-darts")
    assert len(without) > 1
    assert not any("none" in each.operation_counts for each in without)


def test_a_search_that_ranks_candidates_proposes_those_behind_the_winner(tmp_path: Path) -> None:
    found = proposed(tmp_path / "run", "rsps", {"method.options.candidates": 8})
    (done,) = [
        event for event in EventLog(tmp_path / "run" / "events.jsonl").read() if isinstance(event, SelectionDone)
    ]
    accuracies = [done.figures["validation_accuracy"], *done.figures["runner_up_accuracies"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [each.to_text() for each in found[1:]] == done.figures["runners_up"][:5]


@pytest.mark.parametrize("method", ["darts-pt-fixed", "sgas"])
def test_gates_that_have_not_learned_or_are_decided_propose_nothing_else(method: str, tmp_path: Path) -> None:
    assert len(proposed(tmp_path / "run", method, {"search.epochs": 8})) == 1


def test_where_nothing_else_is_proposed_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, listener = tmp_path / "run", Listener()
    monkeypatch.setattr(finalists, "propose", lambda _space, found, *_, **__: [found])
    with opened(folder, observer=listener) as session:
        found = search_genotype(session)
        assert compare_finalists(session, found) == found
    assert "proposes only one architecture" in listener.notes[-1]
    assert not (folder / "finalists.json").exists()
    assert not (folder / "finalists").exists()


def test_with_one_finalist_the_search_has_the_last_word(tmp_path: Path) -> None:
    with opened(tmp_path / "run", {"finalists": 1}) as session:
        found = search_genotype(session)
        assert compare_finalists(session, found) == found
    assert not (tmp_path / "run" / "finalists.json").exists()


def test_a_short_training_is_never_longer_than_the_training(tmp_path: Path) -> None:
    facts = hold(tmp_path / "run", {"method": "random", "finalists": 2, "short_train_epochs": 9})
    assert facts["epochs"] == 2
    assert len(train_epochs_of(tmp_path / "run" / "finalists" / "1")) == 2


def test_finals_without_images_held_out_learn_from_one_half_and_are_scored_on_the_other(tmp_path: Path) -> None:
    facts = hold(tmp_path / "run", {"data.validation_fraction": 0.0, "finalists": 2})
    assert all(0 <= each["validation_accuracy"] <= 1 for each in facts["finalists"])


def test_finals_of_a_network_that_does_not_fit_are_refused(tmp_path: Path) -> None:
    layer = {"space": "darts", "train.stem": "imagenet", "train.layers": 3}
    with opened(tmp_path / "run", layer) as session, pytest.raises(SettingsError, match="8x8 pixels shrink to 1x1"):
        check_finalists(session)


def test_a_training_of_a_given_architecture_holds_no_finals(tmp_path: Path) -> None:
    result = dartboard.train(None, TINY, OWN, genotype="nas-bench-201-resnet", out=tmp_path / "run")
    assert result.finalists is None
    assert not (tmp_path / "run" / "finalists").exists()


def test_the_same_seed_proposes_the_same(held: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "run") as session:
        first = finalists._proposals(session, search_genotype(session))
        torch.manual_seed(5)  # streams of other purposes have no part in it
        assert finalists._proposals(session, first[0]) == first
    facts = json.loads((held / "finalists.json").read_text())
    assert [each.to_json() for each in first] == [each["genotype"]["json"] for each in facts["finalists"]]


POOL = {
    "method.name": "rank-nosh",
    "method.options": {"levels": (1, 2), "start": 4, "added": 1, "members": 4, "networks": 1, "candidates": 9},
    "search.steps_per_epoch": 1,
}


@pytest.mark.parametrize("seeds", [None, (3, 4)])
def test_the_finalists_of_a_search_without_a_supernet_are_the_best_of_its_pool(
    tmp_path: Path, seeds: tuple[int, ...] | None
) -> None:
    content = hold(tmp_path, POOL, {"finalists": 2, "train.epochs": 1, "seeds": seeds})
    folders = [tmp_path / "candidates" / f"seed-{seed}" for seed in seeds or ()] or [tmp_path]
    pools = [Pool.read(folder) for folder in folders]
    best = max(pools, key=lambda pool: pool.ranked[0].accuracies[-1])  # of equals the first
    texts = [each["genotype"]["text"] for each in content["finalists"]]
    assert texts == [member.architecture.to_text() for member in best.ranked[:2]]
