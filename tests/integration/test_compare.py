"""`dartboard compare` as users type it: ordinary runs, one table, and nothing lost when it is killed."""

import json
from pathlib import Path
from typing import Any

import pytest

import dartboard as package
from dartboard import api
from dartboard.api import comparison
from dartboard.cli.options import CompareOptions
from dartboard.errors import NonFiniteLossError
from dartboard.estimate import ArchitectureTable
from dartboard.space import parse_genotype

from .command import Halt
from .conftest import Run

SMALL = (
    *("--preset", "smoke", "--space", "nas-bench-201", "--device", "cpu", "--set", "data.max_train_images=60"),
    *("--set", "search.epochs=2", "--set", "search.steps_per_epoch=1", "--set", "train.epochs=1"),
)
METHODS = ("--methods", "darts,random", "--seeds", "2")


def told(document: str) -> dict[str, Any]:
    """What does not depend on the clock, the place or the memory."""
    comparison = json.loads(document)
    for run in comparison["runs"]:
        del run["search_seconds"], run["train_seconds"], run["memory"]
    for method in comparison["methods"]:
        del method["search_seconds"], method["train_seconds"], method["memory"]
    return {key: comparison[key] for key in ("dataset", "space", "trained", "baseline", "methods", "runs", "wanted")}


def test_a_comparison_is_a_table_of_ordinary_runs(dartboard: Run, folder: Path) -> None:
    outcome = dartboard("compare", *SMALL, *METHODS, "--out", "both", "--json")
    assert outcome.code == 0, outcome.err
    comparison = json.loads(outcome.out)
    assert json.loads((folder / "both" / "comparison.json").read_text()) == comparison
    assert [(run["method"], run["seed"]) for run in comparison["runs"]] == [
        ("darts", 0), ("random", 0), ("darts", 1), ("random", 1),
    ]  # fmt: skip
    assert comparison["baseline"] == "random"
    (pair,) = comparison["statistics"]["pairs"]
    assert (pair["blocks"], pair["smallest_p"]) == (2, 0.5)
    assert pair["interval"][0] <= pair["difference"] <= pair["interval"][1]
    assert (comparison["scales"][0]["search_epochs"], comparison["scales"][0]["train_epochs"]) == (2, 1)
    assert {path.suffix for path in (folder / "both" / "figures").iterdir()} == {".svg", ".pdf"}
    for run in comparison["runs"]:
        result = json.loads((folder / "both" / run["folder"] / "result.json").read_text())
        assert (result["method"], result["seed"]) == (run["method"], run["seed"])
        assert result["test_accuracy"] == run["test_accuracy"]
        assert result["baselines"] == {}
        assert (folder / "both" / run["folder"] / "report.html").exists()
    alone = dartboard("run", *SMALL, "--method", "darts", "--seed", "1", "--no-baselines", "--out", "alone")
    assert alone.code == 0, alone.err
    for name in ("genotype.json", "model.safetensors", "split.json"):
        assert (folder / "alone" / name).read_bytes() == (folder / "both" / "darts" / "seed-1" / name).read_bytes()
    page = (folder / "both" / "comparison.html").read_text()
    assert "preset smoke, seeds 0 and 1" in page
    (folder / "both" / "comparison.html").unlink()
    assert dartboard("report", "both").out.strip() == "both/comparison.html"
    assert (folder / "both" / "comparison.html").read_text() == page

    again = dartboard("compare", *SMALL, *METHODS, "--out", "both", "--resume")
    assert again.code == 0, again.err
    lines = again.out.splitlines()
    assert "space nas-bench-201, preset smoke, seeds 0 and 1" in lines[0]
    assert lines[1].split()[:2] == ["method", "runs"]
    assert [line.split()[0] for line in lines[2:4]] == ["darts", "random"]
    assert "both/comparison.html" in again.out
    assert told((folder / "both" / "comparison.json").read_text()) == told(outcome.out)


def test_a_killed_comparison_goes_on_and_comes_to_the_same_end(dartboard: Run, folder: Path) -> None:
    options = ("compare", *SMALL, *METHODS, "--json")
    whole = dartboard(*options, "--out", "whole")
    assert whole.code == 0, whole.err
    assert dartboard(*options, "--out", "cut", halt=Halt(27)).code == -9
    begun = [path.parent.relative_to(folder / "cut") for path in (folder / "cut").rglob("result.json")]
    assert 0 < len(begun) < 4
    refused = dartboard(*options, "--out", "cut")
    assert refused.code == 2
    assert "already holds a run; add --resume" in refused.error
    other = dartboard(*options, "--set", "search.weight_lr=0.5", "--out", "cut", "--resume")
    assert other.code == 2
    assert "began with other settings (search.weight_lr)" in other.error
    resumed = dartboard(*options, "--out", "cut", "--resume")
    assert resumed.code == 0, resumed.err
    assert told(resumed.out) == told(whole.out)


def test_a_comparison_grows_by_methods_and_seeds_and_repeats_no_run(dartboard: Run, folder: Path) -> None:
    small = ("compare", *SMALL, "--search-only", "--out", "grown", "--json", "--resume")
    assert dartboard(*small, "--methods", "darts,random", "--seeds", "1").code == 0
    done = {path: path.read_bytes() for path in (folder / "grown").rglob("result.json")}
    grown = dartboard(*small, "--methods", "darts,gdas,random", "--seeds", "0,5")
    assert grown.code == 0, grown.err
    assert [(run["method"], run["seed"]) for run in json.loads(grown.out)["runs"]] == [
        ("darts", 0), ("gdas", 0), ("random", 0), ("darts", 5), ("gdas", 5), ("random", 5),
    ]  # fmt: skip
    assert len(done) == 2
    assert all(path.read_bytes() == before for path, before in done.items())


@pytest.mark.data
def test_cells_are_looked_up_where_the_table_is_at_hand(
    dartboard: Run, folder: Path, data_root: Path, nas_bench_201_table: ArchitectureTable
) -> None:
    outcome = dartboard(
        "compare", *SMALL, "--methods", "random", "--seeds", "3,1", "--search-only", "--out", "cells", "--json",
        environment={"DARTBOARD_DATA": str(data_root)},
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    comparison = json.loads(outcome.out)
    assert (comparison["trained"], comparison["baseline"]) == (False, None)
    table, long = nas_bench_201_table, ArchitectureTable(data_root / "nas-bench-201" / "nb201_200epochs.parquet")
    assert [each["column"] for each in comparison["agreements"]] == list(long.columns)
    for run in comparison["runs"]:
        genotype = parse_genotype(run["genotype"]["text"], "nas-bench-201")
        assert run["table_accuracy"] == table.accuracy(genotype, "cifar10_test") / 100
        assert run["table_percentile"] == table.percentile(genotype, "cifar10_test")
        by_schedule = {entry["epochs"]: entry["figures"] for entry in run["tables"]}
        assert by_schedule[200]["cifar10_test"]["accuracy"] == long.accuracy(genotype, "cifar10_test") / 100
        assert (set(by_schedule[12]), set(by_schedule[200])) == (set(table.columns), set(long.columns))
        result = json.loads((folder / "cells" / run["folder"] / "result.json").read_text())
        assert result["tables"]["schedules"] == run["tables"]
        assert "NAS-Bench-201" in (folder / "cells" / run["folder"] / "report.html").read_text()
        assert run["test_accuracy"] is None
        assert run["skips"] == run["genotype"]["text"].count("skip_connect")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--methods", "darts,dratz"), "did you mean"),
        (("--methods", ","), "there is nothing to compare"),
        (("--methods", "darts,random", "--budget", "10m"), "a comparison takes no budget"),
        (("--methods", "darts,dots"), "nas-bench-201"),
        (("missing", "--methods", "darts"), "there is no dataset at"),
        ((), "methods"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_leaves_nothing(
    dartboard: Run, folder: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = dartboard("compare", *SMALL, *arguments, "--out", "new")
    assert (outcome.code, outcome.out) == (2, ""), outcome
    assert outcome.err.count("\n") == 1, outcome.err
    assert sentence in outcome.err
    assert list(folder.iterdir()) == []


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = api.search

    def search(data: Any, *layers: Any, **further: Any) -> Any:
        if layers[-1]["method"]["name"] == "darts":
            raise NonFiniteLossError("the loss is nan in epoch 1; lower the rate.")
        return whole(data, *layers, **further)

    search.__name__ = "search"
    monkeypatch.setattr(comparison, "search", search)
    layer = {"preset": "smoke", "device": "cpu", "data.max_train_images": 60, "search.epochs": 1}
    found = package.compare(None, layer, methods=["darts", "random"], seeds=1, train=False, out=tmp_path / "c")
    assert [(method.method, method.runs, method.failures) for method in found.methods] == [
        ("darts", 0, 1), ("random", 1, 0),
    ]  # fmt: skip
    assert "darts with seed 0 failed: the loss is nan" in (tmp_path / "c" / "comparison.md").read_text()


def test_options_of_a_method_hold_together() -> None:
    named = CompareOptions(methods="darts, darts-minus:a=0.3,b=2,random,").names
    assert named == ["darts", "darts-minus:a=0.3,b=2", "random"]
