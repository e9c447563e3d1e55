"""Another architecture from the supernet of a run that has ended."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import dartboard
from dartboard.engine.finished.reselection import make_reselection
from dartboard.errors import CheckpointError, DartboardError, RunDirectoryError, SettingsError, UnknownNameError
from dartboard.runs import Observer
from dartboard.testing import outcome
from dartboard.workflow.select import reselection_settings

SMALL = {
    "preset": "smoke",
    "device": "cpu",
    "search.epochs": 2,
    "search.steps_per_epoch": 1,
    "search.validation_images": 40,
    "data.max_train_images": 80,
}
TUNED = {"epochs": 2}


def search(folder: Path, method: str = "darts", **further: Any) -> Path:
    dartboard.search(None, SMALL, {"method.name": method}, further, out=folder)
    return folder


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search(tmp_path_factory.mktemp("searched") / "run")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_a_selection_gets_a_directory_of_its_own_and_leaves_the_search_as_it_was(searched: Path) -> None:
    before = contents(searched)
    result = dartboard.select(searched, "perturbation", TUNED)
    assert contents(searched) == before
    assert result.path == searched.with_name("run-perturbation")
    assert (result.path / "report.html").is_file()
    assert result.reselection is not None
    assert result.reselection.genotype_before.plain == json.loads((searched / "genotype.json").read_text())
    assert result.reselection.skips_before == result.reselection.genotype_before.text.count("skip_connect")
    assert result.reselection.skips == result.genotype.text.count("skip_connect")
    epochs = [event for event in outcome(result.path)["events"] if event["event"] == "epoch"]
    assert [event["learning_rate"] for event in epochs] == pytest.approx([0.0025, 0.00175])
    assert dartboard.select(searched, "perturbation", TUNED).path == searched.with_name("run-perturbation-2")


def test_the_strongest_gates_of_a_plain_search_are_what_it_chose_itself(searched: Path, tmp_path: Path) -> None:
    result = dartboard.select(searched, "strongest", out=tmp_path / "again")
    assert result.genotype.plain == json.loads((searched / "genotype.json").read_text())


def test_the_strongest_gates_behind_decisions_are_those_of_alpha(tmp_path: Path) -> None:
    run = search(tmp_path / "run", "darts-pt")
    saved = torch.load(run / "checkpoints" / "search.pt", weights_only=True)["state"]
    best = saved["alphas"]["cell"].argmax(dim=1).tolist()
    result = dartboard.select(run, "strongest")
    ops = next(entry["operations"] for entry in dartboard.list_spaces() if entry["name"] == "nas-bench-201")
    assert [op for op, *_ in result.genotype.plain["cell"]] == [ops[column] for column in best]


def test_sampling_and_thresholds_are_options_too(searched: Path, tmp_path: Path) -> None:
    sampled = dartboard.select(searched, "sample", {"candidates": 3, "finalists": 1}, out=tmp_path / "sample")
    (told,) = [event for event in outcome(sampled.path)["events"] if event["event"] == "selection"]
    assert told["tried"] == 3
    # Where every edge is kept, a threshold drops nothing.
    kept = dartboard.select(searched, "threshold", {"least": 0.1}, out=tmp_path / "threshold")
    assert kept.genotype.plain == json.loads((searched / "genotype.json").read_text())


@pytest.mark.parametrize(
    ("before", "options", "wanted"),
    [
        ({}, {}, "all"),
        ({}, {"images": 30}, 30),
        ({"search.decision_images": 20}, {}, 20),
        ({"budget": 900}, {}, "adaptive"),
    ],
)
def test_a_selection_by_perturbation_takes_the_images_of_the_search_or_its_own(
    before: dict[str, Any], options: dict[str, Any], wanted: Any, searched: Path, tmp_path: Path
) -> None:
    """What a search under a budget takes is what it needs; how long it learns on depends on the space."""
    run = tmp_path / "run"
    shutil.copytree(searched, run)
    content = json.loads((run / "settings.json").read_text())
    for name, value in before.items():
        group, _, key = name.rpartition(".")
        (content[group] if group else content)[key] = value
    (run / "settings.json").write_text(json.dumps(content))
    assert reselection_settings(run, "perturbation", options).search.decision_images == wanted


def test_a_selection_by_perturbation_learns_on_for_25_epochs_in_nas_bench_201_and_81_elsewhere() -> None:
    wanted = make_reselection("perturbation", {})
    assert [wanted.learns_for(space) for space in ("nas-bench-201", "darts", "robust-s2")] == [25, 81, 81]
    assert make_reselection("perturbation", {"epochs": 7}).learns_for("nas-bench-201") == 7


class Stopped(Exception):
    """Stands for a kill."""


class StopAtOnce(Observer):
    """Raises after the first epoch."""

    def epoch(self, event: dict[str, Any]) -> None:  # noqa: ARG002 - the signature of observers
        raise Stopped


def test_an_interrupted_selection_is_resumed_bit_for_bit(searched: Path, tmp_path: Path) -> None:
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    dartboard.select(searched, "perturbation", TUNED, out=whole)
    with pytest.raises(Stopped):
        dartboard.select(searched, "perturbation", TUNED, out=halved, observer=StopAtOnce())
    assert not (halved / "genotype.json").exists()
    dartboard.select(searched, "perturbation", TUNED, out=halved, resume=True)
    assert outcome(halved) == outcome(whole)


def test_the_supernet_is_the_one_that_the_search_has_trained(tmp_path: Path) -> None:
    runs = [
        search(tmp_path / str(lr), **{"search.weight_lr": lr, "method.options.alpha_lr": 0.0}) for lr in (1e-9, 0.1)
    ]
    losses = [
        outcome(dartboard.select(run, "perturbation", {"epochs": 1}).path)["events"][-1]["validation_loss"]
        for run in runs
    ]
    assert losses[0] != losses[1]


def refused(kind: type[DartboardError], sentence: str, *given: Any) -> None:
    with pytest.raises(kind, match=sentence):
        dartboard.select(*given)


def test_what_cannot_be_selected_from_is_refused_in_a_sentence(searched: Path, tmp_path: Path) -> None:
    refused(UnknownNameError, "there is no selection 'perturb'; did you mean 'perturbation'", searched, "perturb")
    refused(SettingsError, "'perturbation' has no option 'epoch'", searched, "perturbation", {"epoch": 1})
    refused(RunDirectoryError, "holds no run of dartboard", tmp_path, "strongest")
    drawn = search(tmp_path / "random", "random")
    refused(CheckpointError, "has no checkpoint of a search", drawn, "strongest")
    decided = search(tmp_path / "sgas", "sgas")
    refused(CheckpointError, "decided edges during the search", decided, "perturbation")
    refused(CheckpointError, "decided edges during the search", decided, "sample")
    attentive = search(tmp_path / "att", "att-darts")
    refused(CheckpointError, "mixes attention", attentive, "sample")
    (decided / "settings.json").write_text("[1]")
    refused(RunDirectoryError, "settings.json does not hold what a run writes there", decided, "strongest")
    (decided / "genotype.json").unlink()
    refused(RunDirectoryError, "has not ended", decided, "strongest")
    assert {path.name for path in tmp_path.iterdir()} == {"random", "sgas", "att"}


def test_the_settings_of_a_selection_are_not_those_of_a_search(searched: Path, tmp_path: Path) -> None:
    result = dartboard.select(searched, "strongest", out=tmp_path / "selected")
    settings = json.loads((result.path / "settings.json").read_text())
    with pytest.raises(SettingsError, match="use `dartboard select`"):
        dartboard.search(None, settings, out=tmp_path / "search")


@pytest.mark.parametrize("method", [pytest.param("att-darts", marks=pytest.mark.slow), "enas"])
def test_perturbation_reads_supernets_that_mix_attention_or_whose_rules_move_alpha(method: str, tmp_path: Path) -> None:
    result = dartboard.select(search(tmp_path / "run", method), "perturbation", {"epochs": 1})
    attention = [choice[3:] for choice in result.genotype.plain["cell"]]
    assert all(attention) == (method == "att-darts")
