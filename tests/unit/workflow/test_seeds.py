"""Several searches are ordinary ones on the images of one run, and never see its test images."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Part, Splits
from dartboard.engine import ChoiceRule, choice_rule
from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.errors import SettingsError
from dartboard.runs import Epoch, EventLog, Observer, RunDirectory, SearchEpoch
from dartboard.session import Session, open_session, search_genotype, summarize, train_networks
from dartboard.settings import read_genotype, resolve_settings
from dartboard.space import Genotype
from dartboard.testing import timeless
from dartboard.workflow import check_choice, choose_genotype, seeds
from dartboard.workflow.seeds import describe_choice

from .tiny import Listener, open_tiny

OWN = {"seeds": [5, 3]}


def opened(
    folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None
) -> AbstractContextManager[Session]:
    return open_tiny(folder, OWN, *layers, observer=observer)


def choose(folder: Path, *layers: Mapping[str, Any], observer: Observer | None = None) -> dict[str, Any]:
    """Search and choose; the content of choice.json."""
    with opened(folder, *layers) as session:
        choose_genotype(replace(session, observer=observer or Observer()))
    return json.loads((folder / "choice.json").read_text())


def epochs_of(folder: Path, phase: str = "search") -> list[dict[str, Any]]:
    """The events of a phase's epochs without their times."""
    epochs = [event for event in EventLog(folder / "events.jsonl").read() if isinstance(event, Epoch)]
    return [event.to_json() for event in timeless(epochs) if event.phase == phase]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory after two searches and short trainings, of which one was chosen."""
    folder = tmp_path_factory.mktemp("chosen") / "run"
    choose(folder, {"choose": "best-short-train"})
    return folder


def test_the_choice_is_recorded_with_every_candidate(chosen: Path) -> None:
    choice = json.loads((chosen / "choice.json").read_text())
    assert (choice["rule"], choice["rule_violated"]) == ("best-short-train", False)
    assert [candidate["seed"] for candidate in choice["candidates"]] == [5, 3]
    for candidate in choice["candidates"]:
        folder = chosen / candidate["folder"]
        assert candidate["genotype"]["json"] == json.loads((folder / "genotype.json").read_text())
        assert candidate["supernet_accuracy"] == max(event["validation_accuracy"] for event in epochs_of(folder))
        (training,) = epochs_of(folder, "train")
        assert candidate["short_train_accuracy"] == training["validation_accuracy"]
        assert candidate["rejected"] is None
    scores = [candidate["short_train_accuracy"] for candidate in choice["candidates"]]
    assert choice["accuracy_mean"] == pytest.approx(sum(scores) / 2)
    assert choice["accuracy_std"] == pytest.approx(abs(scores[0] - scores[1]) / 2)


def test_where_classes_count_alike_the_choice_goes_by_balanced_accuracy(tmp_path: Path) -> None:
    choice = choose(tmp_path / "run", {"objective": "balanced-accuracy"})
    assert choice["objective"] == "balanced-accuracy"
    for candidate in choice["candidates"]:
        epochs = epochs_of(tmp_path / "run" / candidate["folder"])
        assert candidate["supernet_accuracy"] == max(event["validation_balanced_accuracy"] for event in epochs)
    scores = [candidate["supernet_accuracy"] for candidate in choice["candidates"]]
    assert max(scores) == next(each["supernet_accuracy"] for each in choice["candidates"] if each["chosen"])


def test_what_was_chosen_becomes_that_of_the_run(chosen: Path) -> None:
    choice = json.loads((chosen / "choice.json").read_text())
    (taken,) = (candidate for candidate in choice["candidates"] if candidate["chosen"])
    assert taken["short_train_accuracy"] == max(each["short_train_accuracy"] for each in choice["candidates"])
    assert (chosen / "genotype.json").read_bytes() == (chosen / taken["folder"] / "genotype.json").read_bytes()
    assert epochs_of(chosen) == epochs_of(chosen / taken["folder"])
    assert epochs_of(chosen, "train") == []


def test_the_search_takes_the_time_of_all_candidates(chosen: Path) -> None:
    with opened(chosen, {"choose": "best-short-train"}) as session:
        result = summarize(session, read_genotype(chosen), "a test")
    own = [json.loads((chosen / "candidates" / f"seed-{seed}" / "result.json").read_text()) for seed in (5, 3)]
    assert result.seconds["search"] == pytest.approx(sum(each["seconds"]["total"] for each in own), abs=0.01)
    assert result.choice is not None
    assert result.choice.to_json() == json.loads((chosen / "choice.json").read_text())


def test_a_candidate_is_what_its_own_settings_give(chosen: Path, tmp_path: Path) -> None:
    """Its run directory is that of a search: the settings in it repeat it, images and all."""
    folder = chosen / "candidates" / "seed-5"
    settings = resolve_settings(json.loads((folder / "settings.json").read_text()))
    assert (settings.seed, settings.seeds, settings.train.epochs) == (5, None, 1)
    with open_session(settings, tmp_path / "again", resume=False, observer=Observer()) as session:
        session.begin()
        search_genotype(session)
    assert epochs_of(tmp_path / "again") == epochs_of(folder)
    for name in ("genotype.json", "split.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    assert json.loads((folder / "result.json").read_text())["choice"] is None
    assert (folder / "report.html").exists()


def test_all_candidates_work_on_the_images_of_the_run(chosen: Path) -> None:
    split = (chosen / "split.json").read_bytes()
    assert [(chosen / "candidates" / f"seed-{seed}" / "split.json").read_bytes() for seed in (5, 3)] == [split] * 2


def test_choosing_never_looks_at_test_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    view = Splits.view

    def watched(splits: Splits, dataset: Any, part: Part) -> Any:
        seen.add(part)
        return view(splits, dataset, part)

    monkeypatch.setattr(Splits, "view", watched)
    choose(tmp_path / "run", {"choose": "best-short-train", "seeds": 1})
    assert seen == {"weights", "alphas", "train", "validation"}
    assert not list((tmp_path / "run").rglob("scores.json"))


def test_what_is_done_is_not_done_again_and_the_rest_comes_out_the_same(chosen: Path, tmp_path: Path) -> None:
    """As after a kill at the end of the second search, before its genotype was written."""
    folder = tmp_path / "run"
    first = {"choose": "best-short-train"}
    choose(folder, first)
    done, begun = folder / "candidates" / "seed-5", folder / "candidates" / "seed-3"
    times = {path: path.stat().st_mtime_ns for path in done.rglob("*")}
    for path in (folder / "genotype.json", folder / "choice.json", begun / "genotype.json", begun / "result.json"):
        path.unlink()
    choose(folder, first)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*") if path.name != ".lock"} == {
        path: time for path, time in times.items() if path.name != ".lock"
    }
    for name in ("genotype.json", "choice.json"):
        assert (folder / name).read_bytes() == (chosen / name).read_bytes()
    assert epochs_of(folder) == epochs_of(chosen)
    assert epochs_of(begun) == epochs_of(chosen / "candidates" / "seed-3")


def test_a_search_without_supernet_is_chosen_by_its_seed_or_by_training(tmp_path: Path) -> None:
    random = {"method": "random"}
    listener = Listener()
    by_seed = choose(tmp_path / "seed", random, observer=listener)
    assert listener.notes[-1] == (
        "Of 2 searches, the one with seed 3 is chosen, only by its seed, since no supernet was scored."
    )
    assert [(each["supernet_accuracy"], each["chosen"]) for each in by_seed["candidates"]] == [
        (None, False),
        (None, True),
    ]
    assert (by_seed["accuracy_mean"], by_seed["accuracy_std"]) == (None, None)
    trained = choose(tmp_path / "trained", random, {"choose": "best-short-train"})
    assert all(each["short_train_accuracy"] is not None for each in trained["candidates"])


def test_where_the_rule_rejects_all_the_best_is_taken_and_the_choice_says_so(tmp_path: Path) -> None:
    @choice_rule("contrary")
    def contrary() -> ChoiceRule:
        """Nothing is good enough."""
        return ChoiceRule(reject=lambda _: "it could be better")

    listener = Listener()
    try:
        choice = choose(tmp_path / "run", {"choose": "contrary"}, observer=listener)
    finally:
        CHOICE_RULES.remove("contrary")
    assert choice["rule_violated"]
    assert listener.notes[-1].endswith(" is chosen, although contrary rejects all of them.")
    assert [each["rejected"] for each in choice["candidates"]] == ["it could be better"] * 2
    best = max(each["supernet_accuracy"] for each in choice["candidates"])
    assert [each["supernet_accuracy"] for each in choice["candidates"] if each["chosen"]] == [best]


def test_a_short_training_is_never_longer_than_the_training(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    choose(folder, {"method": "random", "seeds": 1, "choose": "best-short-train", "short_train_epochs": 9})
    assert len(epochs_of(folder / "candidates" / "seed-0", "train")) == 2


def test_without_images_held_out_short_trainings_learn_from_one_half_and_are_scored_on_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The protocol of the DARTS paper, whose final training uses every image."""
    none, seen = {"data.validation_fraction": 0.0, "choose": "best-short-train"}, []

    def watched(session: Session, genotype: Genotype) -> object:
        seen.append(session.splits)
        return train_networks(session, genotype)

    monkeypatch.setattr(seeds, "train_networks", watched)
    with opened(tmp_path / "run", none) as session:
        check_choice(session)
        halves = session.splits.weights, session.splits.alphas
        told = describe_choice(session)["candidates"]
        assert told.endswith(f"on {len(halves[0])} images and scored on {len(halves[1])} others")
        choose_genotype(session)
    for splits in seen:
        assert splits.train.tolist() == halves[0].tolist()
        assert splits.validation.tolist() == halves[1].tolist()
    assert len(seen) == 2
    choice = json.loads((tmp_path / "run" / "choice.json").read_text())
    assert all(each["short_train_accuracy"] is not None for each in choice["candidates"])


def epoch_with(number: int, stage: int, open_edges: int) -> SearchEpoch:
    """An epoch of three edges, some of which have one operation left or none."""
    rows = [[0.5, 0.5] if row < open_edges else [0.0, float(row)] for row in range(3)]
    return SearchEpoch.model_construct(epoch=number, stage=stage, gates={"cell": rows})


@pytest.mark.parametrize(
    ("forms", "decisive"),
    [
        ([(0, 3)] * 3, [0, 1, 2]),
        ([(0, 3), (1, 3), (1, 3)], [1, 2]),
        ([(0, 3), (0, 2), (0, 1), (0, 0), (0, 0)], [3, 4]),
        ([(0, 3), (0, 3), (1, 3), (1, 1)], [3]),
        ([], []),
    ],
)
def test_only_supernets_of_the_form_that_was_read_decide(forms: list[tuple[int, int]], decisive: list[int]) -> None:
    """Those of earlier stages and before the last decision are softer, and score higher without the architecture."""
    epochs = [epoch_with(number, *form) for number, form in enumerate(forms)]
    assert [each.epoch for each in seeds._decisive(epochs)] == decisive


def test_a_search_that_decides_edges_is_ranked_by_its_end(tmp_path: Path) -> None:
    """In so short a search the last edge is decided after the last epoch, before which only this one was open."""
    folder = tmp_path / "run"
    choice = choose(folder, {"seeds": 1, "method": "sgas", "search.epochs": 8})
    (candidate,) = choice["candidates"]
    accuracies = [event["validation_accuracy"] for event in epochs_of(folder)]
    open_edges = [
        sum(sum(gate > 0 for gate in row) > 1 for row in event["gates"]["cell"]) for event in epochs_of(folder)
    ]
    assert open_edges[-1] == 1 < open_edges[0]
    assert candidate["supernet_accuracy"] == max(
        accuracy for accuracy, left in zip(accuracies, open_edges, strict=True) if left == 1
    )


def test_a_short_training_of_a_network_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    layer = {"space": "darts", "train.stem": "imagenet", "train.layers": 3, "choose": "best-short-train"}
    with opened(tmp_path / "run", layer) as session, pytest.raises(SettingsError, match=r"8x8 pixels shrink to 1x1"):
        check_choice(session)


def test_a_search_with_one_seed_leaves_no_choice(tmp_path: Path) -> None:
    with opened(tmp_path / "run", {"seeds": None}) as session:
        choose_genotype(session)
    with RunDirectory(tmp_path / "run") as run:
        assert not run.has("choice.json")
        assert not run.has("candidates")
