import json
from pathlib import Path

import numpy as np
import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.records import RunRecords
from dartboard.runs import Epoch, Observer
from dartboard.session import (
    Session,
    evaluate_networks,
    open_session,
    search_genotype,
    summarize,
    train_networks,
)
from dartboard.settings import read_genotype, resolve_settings
from dartboard.space import get_space, network_cost
from dartboard.training import load_model

TINY = {
    "space": "nas-bench-201",
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 60,
    "search": {"epochs": 1, "steps_per_epoch": 1, "validation_images": 16},
    "train": {"epochs": 1, "runs": 2},
}


def opened(folder: Path, *layers: dict[str, object]) -> Session:
    with open_session(resolve_settings(TINY, *layers), folder, resume=True, observer=Observer()) as session:
        session.begin()
        return session


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory after all steps: search, two networks, evaluation, summary."""
    folder = tmp_path_factory.mktemp("run") / "run"
    with open_session(resolve_settings(TINY), folder, resume=False, observer=Observer()) as session:
        session.begin()
        genotype = search_genotype(session)
        evaluate_networks(session, train_networks(session, genotype))
        summarize(session, genotype, "a test")
    return folder


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_the_result_repeats_the_scores_and_counts_the_network(finished: Path) -> None:
    result, scores = read(finished, "result.json"), read(finished, "scores.json")
    assert result["test_accuracy"] == scores["test_accuracy_mean"]
    assert result["test_accuracy_std"] == scores["test_accuracy_std"]
    accuracies = [run["test_accuracy"] for run in scores["runs"]]
    assert scores["test_accuracy_std"] == pytest.approx(float(np.std(accuracies)))
    assert result["method"] == "darts"
    assert result["genotype"]["json"] == read(finished, "genotype.json")
    network, card = load_model(finished)
    assert result["parameters"] == sum(weight.numel() for weight in network.parameters())
    space = get_space("nas-bench-201")
    from_formula = network_cost(space, read_genotype(finished), card.plan(), (8, 8))
    assert result["multiply_adds"] == from_formula.multiply_adds
    assert result["seconds"].keys() == {"data", "search", "train", "evaluation", "total"}


def test_the_saved_model_makes_the_recorded_predictions(finished: Path) -> None:
    network, card = load_model(finished)
    settings = resolve_settings(TINY)
    with open_session(settings, finished, resume=True, observer=Observer()) as session:
        view = session.splits.view(session.dataset, "test")
        images = (view.image_set.images[view.indices] / 255 - np.array(card.mean)) / np.array(card.std)
    with torch.no_grad():
        logits = network(torch.tensor(images, dtype=torch.float32).permute(0, 3, 1, 2))
    with np.load(finished / "predictions.npz") as kept:
        np.testing.assert_allclose(kept["probabilities"], logits.softmax(dim=1).numpy(), atol=1e-5)
        assert np.array_equal(kept["labels"], view.labels)


def test_the_validation_accuracy_is_the_mean_of_the_networks_last_epochs(finished: Path) -> None:
    last = [epochs[-1].validation_accuracy for epochs in RunRecords(finished).train_epochs.values()]
    assert len(last) == 2
    assert read(finished, "result.json")["validation_accuracy"] == pytest.approx(sum(last) / 2)
    scores = read(finished, "scores.json")
    assert [run["validation_accuracy"] for run in scores["runs"]] == last
    assert [run["run"] for run in scores["runs"]] == [0, 1]
    assert np.mean([run["test_accuracy"] for run in scores["runs"]]) == pytest.approx(scores["test_accuracy_mean"])


def test_finished_steps_are_not_repeated(finished: Path) -> None:
    names = ("genotype.json", "scores.json", "predictions.npz")
    before = {name: (finished / name).stat().st_mtime_ns for name in names}
    with open_session(resolve_settings(TINY), finished, resume=True, observer=Observer()) as session:
        genotype = search_genotype(session)
        evaluate_networks(session, train_networks(session, genotype))
    assert {name: (finished / name).stat().st_mtime_ns for name in names} == before


def test_a_search_alone_reports_the_supernets_accuracy_and_no_test(tmp_path: Path) -> None:
    with open_session(resolve_settings(TINY), tmp_path / "run", resume=False, observer=Observer()) as session:
        session.begin()
        result = summarize(session, search_genotype(session), "a test")
        (epoch,) = (event for event in session.run.events.read() if isinstance(event, Epoch))
    assert result.validation_accuracy == epoch.validation_accuracy
    assert result.test_accuracy is None
    assert result.test_accuracy_std is None


def test_without_validation_images_there_is_no_validation_accuracy(tmp_path: Path) -> None:
    settings = resolve_settings(TINY, {"data.validation_fraction": 0.0, "train.runs": 1})
    with open_session(settings, tmp_path / "run", resume=False, observer=Observer()) as session:
        session.begin()
        genotype = search_genotype(session)
        evaluate_networks(session, train_networks(session, genotype))
        assert summarize(session, genotype, "a test").validation_accuracy is None
