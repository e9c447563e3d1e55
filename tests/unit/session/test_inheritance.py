"""Trainings that begin with the weights of the search, from settings to the report."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dartboard import api
from dartboard.errors import CheckpointError, DartboardError, SettingsError
from dartboard.records import Contest, SeedChoiceRecord
from dartboard.records.reader import RunRecords
from dartboard.runs import Observer, RunDirectory
from dartboard.settings import read_genotype
from dartboard.testing import Stopped, outcome
from dartboard.training import load_model
from dartboard.workflow import contest
from resuming import StopIn

Layer = Mapping[str, Any]

TINY: Layer = {
    "space": "nas-bench-201",
    "preset": "smoke",
    "device": "cpu",
    "search": {"epochs": 2, "steps_per_epoch": 1, "validation_images": 16},
    "train": {"epochs": 2, "batch_size": 16, "start": "supernet"},
}
_RNG = np.random.default_rng(0)
DATA = {
    f"{name}_{part}": values
    for part, number in (("train", 60), ("test", 12))
    for name, values in (
        ("x", _RNG.integers(0, 256, (number, 8, 8)).astype(np.uint8)),
        ("y", np.arange(number, dtype=np.int64) % 3),
    )
}

STILL: Layer = {"train.lr": 1e-30, "train.epochs": 1}
"""A training that leaves the weights as they begin."""

FRESH: Layer = {"train.start": "fresh"}
IN_STAGES: Layer = {"space": "conv-stages", "search.layers": 9, "train.layers": 9, "data.image_size": 16}


def run(folder: Path, *layers: Layer, observer: Observer | None = None, resume: bool = True) -> dict[str, Any]:
    """Search and train; the result."""
    return api.run(DATA, TINY, *layers, out=folder, observer=observer, resume=resume).to_json()


def trained(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder)[0].state_dict()


def searched(folder: Path) -> dict[str, torch.Tensor]:
    saved = RunDirectory(folder).load_checkpoint("search", "search")
    assert saved is not None
    return saved["supernet"]  # type: ignore[no-any-return]


def training_of(folder: Path) -> object:
    return outcome(folder)["checkpoints"]["train-0.pt"]


def start_in(folder: Path) -> str:
    """What the settings of a run inside a run say."""
    return str(json.loads((folder / "settings.json").read_text())["train"]["start"])


def check_inherited(network: Mapping[str, torch.Tensor], supernet: Mapping[str, torch.Tensor], folder: Path) -> None:
    """A network of NAS-Bench-201 has the weights of its supernet, those of the chosen operations included."""
    for name in ("stem.convolution.weight", "blocks.1.main.0.1.weight", "classifier.weight", "classifier.bias"):
        assert torch.equal(network[f"backbone.{name}"], supernet[f"backbone.{name}"])
    genotype, rows = read_genotype(folder), {(1, 0): 0, (2, 0): 1, (2, 1): 2, (3, 0): 3, (3, 1): 4, (3, 2): 5}
    found = 0
    for number, choice in enumerate(genotype["cell"].choices):
        if choice.op.startswith("nor_conv"):
            own = network[f"backbone.blocks.0.ops.{number}.1.weight"]
            row = rows[choice.target, choice.source]
            assert torch.equal(own, supernet[f"backbone.blocks.0.edges.{row}.{choice.op}.1.weight"])
            found += 1
    assert found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run whose training began with the weights of the search."""
    folder = tmp_path_factory.mktemp("inherited") / "run"
    run(folder)
    return folder


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the same run with a training from drawn weights."""
    folder = tmp_path_factory.mktemp("fresh") / "run"
    run(folder, FRESH)
    return folder


def test_the_training_begins_with_the_weights_of_the_chosen_operations(tmp_path: Path) -> None:
    run(tmp_path, STILL)
    check_inherited(trained(tmp_path), searched(tmp_path), tmp_path)


def test_every_network_of_a_run_begins_with_them_and_has_statistics_of_its_own(tmp_path: Path) -> None:
    run(tmp_path, STILL, {"train.runs": 2})
    first, second = (
        torch.load(tmp_path / "checkpoints" / f"train-{number}.pt", weights_only=True)["state"]["network"]
        for number in range(2)
    )
    check_inherited(first, searched(tmp_path), tmp_path)
    check_inherited(second, searched(tmp_path), tmp_path)
    assert not torch.equal(first["backbone.stem.norm.running_mean"], second["backbone.stem.norm.running_mean"])


def test_statistics_of_norms_are_measured_before_the_first_step(tmp_path: Path) -> None:
    # A share of 1e-9 keeps what they are before the steps.
    run(tmp_path, STILL, {"train.norm_momentum": 1e-9, "train.steps_per_epoch": 1})
    for name, value in trained(tmp_path).items():
        if name.endswith("running_var"):
            assert not torch.allclose(value, torch.ones_like(value), atol=1e-3)


def test_shrunk_weights_are_those_of_the_search_but_for_a_hundredth_of_noise(tmp_path: Path) -> None:
    run(tmp_path, STILL, {"train.shrink": 0.5})
    network, supernet = trained(tmp_path), searched(tmp_path)
    weight = "backbone.stem.convolution.weight"
    noise = network[weight] - 0.5 * supernet[weight]
    # Drawn between -1/3 and 1/3, since the convolution reads 9 numbers.
    assert 0 < noise.abs().max() <= 0.01 / 3 + 1e-6


def test_what_it_begins_with_changes_the_training(whole: Path, fresh: Path, tmp_path: Path) -> None:
    run(tmp_path, {"train.shrink": 0.5})
    assert all(map(torch.equal, searched(fresh).values(), searched(whole).values()))
    trainings = [training_of(folder) for folder in (whole, fresh, tmp_path)]
    assert trainings[0] != trainings[1] != trainings[2] != trainings[0]


def test_shrinking_changes_nothing_where_weights_are_drawn(fresh: Path, tmp_path: Path) -> None:
    run(tmp_path, FRESH, {"train.shrink": 0.5})
    assert training_of(tmp_path) == training_of(fresh)


@pytest.mark.parametrize("step", [3, 6])  # after 2 steps of the search; in the first and in the second epoch of 3
def test_a_run_that_is_killed_and_resumed_ends_as_one_that_never_was(whole: Path, tmp_path: Path, step: int) -> None:
    with pytest.raises(Stopped):
        run(tmp_path, observer=StopIn(step))
    run(tmp_path)
    assert outcome(tmp_path) == outcome(whole)
    assert all(map(torch.equal, trained(tmp_path).values(), trained(whole).values()))


def test_a_training_that_has_begun_does_without_the_supernet(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        run(tmp_path, observer=StopIn(6))
    assert (tmp_path / "checkpoints" / "train-0.pt").exists()
    (tmp_path / "checkpoints" / "search.pt").unlink()
    run(tmp_path)
    assert training_of(tmp_path) == training_of(whole)


def test_a_run_without_its_supernet_is_refused(whole: Path, tmp_path: Path) -> None:
    api.search(DATA, TINY, out=tmp_path)
    (tmp_path / "checkpoints" / "search.pt").unlink()
    with pytest.raises(CheckpointError, match=r"holds no trained supernet \(checkpoints/search.pt\); search with"):
        run(tmp_path)
    with pytest.raises(CheckpointError, match=r"search with a method that trains one, or set train.start=fresh\.$"):
        run(tmp_path / "random", {"method": "random"})


def test_a_given_architecture_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a given architecture is trained without one; use `dartboard run`"):
        api.train(DATA, TINY, genotype=whole, out=tmp_path / "trained")
    assert not (tmp_path / "trained").exists()


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"train.init_channels": 8}, r"'backbone\.stem\.convolution\.weight' .* set train\.init_channels=4, or"),
        ({"train.layers": 2}, r"has no 'backbone\.blocks\.1\.ops\.\S+', .* set train\.layers=1, or"),
        ({"train.whiten": True}, r"has no 'backbone\.whitening\.filters', .* set train\.whiten=false, or"),
        (
            {"train.stem": "imagenet", "search.init_channels": 8, "data.image_size": 64},
            r"set train\.init_channels=8 and train\.stem=cifar, or train\.start=fresh\.$",
        ),
        (
            {"space": "darts", "method": "p-darts", "search.epochs": 3},
            r"set train\.layers=11, or train\.start=fresh\.$",
        ),
        ({"method": "pc-darts"}, r"supernet of pc-darts read 1/4 of the channels; choose another method, or set"),
    ],
)
def test_a_network_of_another_form_is_refused_before_anything_is_searched(
    layer: Layer, said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said):
        run(tmp_path / "run", layer)
    assert not (tmp_path / "run").exists()


def test_a_search_alone_does_not_ask_whether_a_network_would_fit(tmp_path: Path) -> None:
    assert api.search(DATA, TINY, {"train.init_channels": 8}, out=tmp_path).train_start is None


@pytest.mark.parametrize("layer", [{"space": "darts", "train.auxiliary_weight": 0.4}, IN_STAGES])
def test_networks_of_other_spaces_can_begin_with_them(layer: Layer, tmp_path: Path) -> None:
    result = run(tmp_path, layer, STILL, {"search.epochs": 1})
    assert result["train_start"] == "supernet"
    weight = "backbone.classifier.weight"
    assert torch.equal(trained(tmp_path)[weight], searched(tmp_path)[weight])


@pytest.mark.slow
def test_the_deepest_stage_of_a_search_is_what_the_network_begins_with(tmp_path: Path) -> None:
    deep = {"space": "darts", "method": "p-darts", "search.epochs": 3, "search.init_channels": 2}
    run(tmp_path, deep, STILL, {"train.layers": 11, "train.init_channels": 2, "train.auxiliary_weight": 0})
    network, supernet = trained(tmp_path), searched(tmp_path)
    last = "backbone.blocks.10.projections.0.1.weight"
    assert torch.equal(network[last], supernet[last])


def test_result_and_report_say_what_the_training_began_with(whole: Path, fresh: Path) -> None:
    said = {}
    for folder, start in ((whole, "supernet"), (fresh, "fresh")):
        assert json.loads((folder / "result.json").read_text())["train_start"] == start
        page = (folder / "report.html").read_text(encoding="utf-8")
        said[start] = (
            "Started from the weights of the supernet and trained for 2 epochs" in page,
            "from the weights that the supernet had learned" in page,
            "rained from scratch" in page,
        )
    assert said == {"supernet": (True, True, False), "fresh": (False, False, True)}


def test_an_unfinished_run_is_described_by_its_settings(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    assert RunRecords(tmp_path / "run").inherits


def test_of_several_searches_the_chosen_one_hands_over_its_weights(tmp_path: Path) -> None:
    run(tmp_path, STILL, {"seeds": [5, 3]})
    folders = {each.chosen: tmp_path / each.folder for each in SeedChoiceRecord.read(tmp_path).candidates}
    check_inherited(trained(tmp_path), searched(folders[True]), tmp_path)
    weight = "backbone.stem.convolution.weight"
    assert not torch.equal(searched(folders[True])[weight], searched(folders[False])[weight])


def test_baselines_and_finalists_draw_their_weights(tmp_path: Path) -> None:
    settings = {"baselines": True, "finalists": 2, "train.epochs": 1}
    result = run(tmp_path, settings)
    assert result["train_start"] == "supernet"
    inside = [*(tmp_path / "baselines").iterdir(), *(tmp_path / "finalists").iterdir()]
    assert len(inside) >= 4
    assert {start_in(folder) for folder in inside} == {"fresh"}


@pytest.mark.parametrize("winner", ["found", "random"])
def test_only_the_network_found_enters_a_contest_with_them(
    winner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compete = contest._compete

    def won(session: Any, record: Contest, contestant: Any, number: int) -> float:
        compete(session, record, contestant, number)
        return float(contestant.name == winner)

    monkeypatch.setattr(contest, "_compete", won)
    result = run(tmp_path, {"contest": True, "train.average": "lookahead"}, STILL, {"train.epochs": 4})
    starts = {folder.name: start_in(folder) for folder in (tmp_path / "contest").iterdir()}
    assert starts == {"found": "supernet", "by-hand": "fresh", "random": "fresh", "resnet": "fresh"}
    assert result["train_start"] == starts[winner]
    differs = json.loads((tmp_path / "facts.json").read_text())["repeat"]["trained"]
    assert differs.get("train.start", "supernet") == starts[winner]
    if winner == "found":
        check_inherited(trained(tmp_path), searched(tmp_path), tmp_path)


def test_a_known_network_that_wins_without_a_contest_draws_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "has_time_for_rounds", lambda *_: False)
    result = run(tmp_path, {"contest": True, "train.average": "lookahead"}, STILL, IN_STAGES)
    assert Contest.read(tmp_path).winner == "by-hand"
    assert result["train_start"] == "fresh"


def test_errors_are_for_users(tmp_path: Path) -> None:
    with pytest.raises(DartboardError, match=r"train\.shrink"):
        run(tmp_path, {"train.shrink": 0.0})
