"""A look into a finished search: what is measured, what stays as it was, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

import dartboard
from dartboard.errors import CheckpointError, DartboardError, RunDirectoryError, SettingsError, UnknownNameError
from dartboard.runs import MeasurementDone, Observer, RunDirectory
from dartboard.testing import outcome

from .test_select import SMALL, Stopped, contents, search

ONE_EDGE = {"edges": "0-1", "epochs": 2}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return search(tmp_path_factory.mktemp("searched") / "run")


def findings(run: Path, name: str, options: dict[str, Any], out: Path | None = None) -> dict[str, Any]:
    result = dartboard.analyse(run, name, options, out=out)
    assert result.analysis is not None
    assert result.analysis.name == name
    return result.analysis.findings


def test_an_analysis_gets_a_directory_of_its_own_and_leaves_the_search_as_it_was(searched: Path) -> None:
    before = contents(searched)
    for name, options in (("discretisation", ONE_EDGE), ("shuffling", {"permutations": 2})):
        result = dartboard.analyse(searched, name, options)
        assert contents(searched) == before
        assert result.path == searched.with_name(f"run-{name}")
        assert result.genotype.plain == json.loads((searched / "genotype.json").read_text())
        assert result.test_accuracy is None
        kept = json.loads((result.path / "analysis.json").read_text())
        assert result.analysis is not None
        assert kept == result.analysis.to_json() == json.loads((result.path / "result.json").read_text())["analysis"]
        assert dartboard.analyse(searched, name, options, resume=True).analysis == result.analysis
        page = (result.path / "report.html").read_text()
        assert {"discretisation": "Strength of operations", "shuffling": "Shuffled edges"}[name] in page
        assert "was analysed" in page
        assert "No search was recorded" not in page
    assert dartboard.analyse(searched, "shuffling").path == searched.with_name("run-shuffling-2")


def test_the_supernet_is_the_one_that_the_search_has_trained(searched: Path, tmp_path: Path) -> None:
    epochs = [event for event in outcome(searched)["events"] if event["event"] == "epoch"]
    found = findings(searched, "shuffling", {"permutations": 3}, tmp_path / "shuffled")
    assert found["before"] == epochs[-1]["validation_accuracy"]
    accuracies = [each["accuracy"] for each in found["permutations"]]
    assert found["after"] == pytest.approx(sum(accuracies) / 3)
    assert len({tuple(each["exchanged"]) for each in found["permutations"]}) > 1
    strengths = findings(searched, "discretisation", {"edges": "0-1,2-3", "epochs": 1}, tmp_path / "strengths")
    assert strengths["supernet_accuracy"] == epochs[-1]["validation_accuracy"]
    assert [(edge["source"], edge["target"]) for edge in strengths["edges"]] == [(0, 1), (2, 3)]
    names = epochs[-1]["operations"]
    for edge, row in zip(strengths["edges"], (0, 5), strict=True):
        assert [each["operation"] for each in edge["operations"]] == names
        assert [each["gate"] for each in edge["operations"]] == epochs[-1]["gates"]["cell"][row]


def test_a_copy_that_cannot_learn_settles_where_it_starts(tmp_path: Path) -> None:
    still = {"search.weight_lr": 0.0, "search.weight_lr_min": 0.0, "method.options.alpha_lr": 0.0}
    run = search(tmp_path / "run", **still)
    (edge,) = findings(run, "discretisation", {"edges": "1-2", "patience": 2, "epochs": 9})["edges"]
    for each in edge["operations"]:
        assert each["accuracy"] == each["accuracy_at_once"]
        assert (each["epoch"], each["epochs"], each["settled"]) == (1, 3, True)
    assert len({each["accuracy"] for each in edge["operations"]}) > 1


def test_every_operation_learns_on_from_the_same_supernet(searched: Path, tmp_path: Path) -> None:
    """What is measured before does not show in what is measured after."""
    both = findings(searched, "discretisation", {"edges": "0-1,1-2", "epochs": 1}, tmp_path / "both")
    alone = findings(searched, "discretisation", {"edges": "1-2", "epochs": 1}, tmp_path / "alone")
    assert both["edges"][1] == alone["edges"][0]


class StopAfterTwo(Observer):
    """Raises once two measurements are done."""

    def measured(self, name: str, done: int, total: int, *, phase: str = "analysis") -> None:  # noqa: ARG002 - the signature of observers
        if done == 2:
            raise Stopped


@pytest.mark.parametrize(("name", "options"), [("discretisation", ONE_EDGE), ("shuffling", {"permutations": 3})])
def test_an_interrupted_analysis_goes_on_after_the_last_measurement(
    name: str, options: dict[str, Any], searched: Path, tmp_path: Path
) -> None:
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    dartboard.analyse(searched, name, options, out=whole)
    with pytest.raises(Stopped):
        dartboard.analyse(searched, name, options, out=halved, observer=StopAfterTwo())
    assert not (halved / "analysis.json").exists()
    first = RunDirectory(halved).events.read()
    assert sum(isinstance(event, MeasurementDone) for event in first) == 2
    dartboard.analyse(searched, name, options, out=halved, resume=True)
    assert RunDirectory(halved).events.read()[: len(first)] == first
    assert outcome(halved) == outcome(whole)
    assert json.loads((halved / "analysis.json").read_text()) == json.loads((whole / "analysis.json").read_text())


@pytest.mark.parametrize(
    "method", ["cdarts", *(pytest.param(name, marks=pytest.mark.slow) for name in ("enas", "p-darts"))]
)
def test_supernets_of_other_methods_learn_on_too(method: str, tmp_path: Path) -> None:
    run = search(tmp_path / "run", method, **{"search.epochs": 3})
    found = findings(run, "discretisation", {"edges": "0-1", "epochs": 1})
    assert all(0 <= each["accuracy"] <= 1 for each in found["edges"][0]["operations"])
    assert findings(run, "shuffling", {"permutations": 1})["before"] == found["supernet_accuracy"]


def refused(kind: type[DartboardError], sentence: str, *given: Any) -> None:
    with pytest.raises(kind, match=sentence):
        dartboard.analyse(*given)


def test_what_cannot_be_analysed_is_refused_in_a_sentence_and_leaves_nothing(searched: Path, tmp_path: Path) -> None:
    refused(UnknownNameError, "there is no analysis 'shufle'; did you mean 'shuffling'", searched, "shufle")
    refused(SettingsError, "'shuffling' has no option 'part'", searched, "shuffling", {"part": "edges"})
    refused(SettingsError, "'patience' of the analysis", searched, "discretisation", {"patience": 0})
    refused(SettingsError, "there is no edge '9-0'", searched, "discretisation", {"edges": "9-0"})
    refused(RunDirectoryError, "holds no run of dartboard", tmp_path, "shuffling")
    refused(CheckpointError, "no trained supernet", search(tmp_path / "random", "random"), "shuffling")
    refused(CheckpointError, "decided edges", search(tmp_path / "sgas", "sgas"), "shuffling")
    (tmp_path / "sgas" / "settings.json").write_text("null")
    refused(RunDirectoryError, "settings.json does not hold what a run writes there", tmp_path / "sgas", "shuffling")
    hyper = search(tmp_path / "hyper", "hyperdarts-1")
    refused(CheckpointError, "has its weights from a hypernetwork", hyper, "discretisation", ONE_EDGE)
    # One cell a stage: no two layers are alike, which only the supernet tells.
    refused(SettingsError, "no two layers of this supernet", searched, "shuffling", {"parts": "layers"})
    chosen = dartboard.select(searched, "strongest", out=tmp_path / "selected").path
    refused(RunDirectoryError, "holds a selection from the search in .*; name that run", chosen, "shuffling")
    assert {path.name for path in tmp_path.iterdir()} == {"random", "sgas", "hyper", "selected"}


def test_the_settings_of_an_analysis_are_not_those_of_a_search(searched: Path, tmp_path: Path) -> None:
    result = dartboard.analyse(searched, "shuffling", {"permutations": 1}, out=tmp_path / "analysed")
    settings = json.loads((result.path / "settings.json").read_text())
    with pytest.raises(SettingsError, match="use `dartboard analyse`"):
        dartboard.search(None, settings, out=tmp_path / "search")
    trained = dartboard.train(None, settings, SMALL, {"train.epochs": 1}, genotype=result.path, out=tmp_path / "train")
    assert trained.analysis is None
