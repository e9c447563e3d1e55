"""The benchmarks run at their smallest size, and their records have the fields that the documentation quotes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
CONDITIONS = {"machine", "device", "threads", "torch", "date", "command", "quick", "rounds", "batch"}


def run_quick(script: str, out: Path, *cases: str) -> dict[str, dict[str, object]]:
    """The records by case of a quick run on the CPU."""
    command = [sys.executable, str(BENCHMARKS / f"{script}.py"), "--quick", "--device", "cpu", "--rounds", "1"]
    subprocess.run([*command, "--out", str(out), "--cases", *cases], check=True, env={**os.environ, "COLUMNS": "120"})
    assert (out / f"{script}.md").read_text(encoding="utf-8").startswith("# ")
    (cases_of_device,) = json.loads((out / f"{script}.json").read_text(encoding="utf-8")).values()
    return cases_of_device


@pytest.mark.slow
def test_the_engine_benchmark_keeps_the_records_of_other_cases_and_says_what_was_reached(tmp_path: Path) -> None:
    run_quick("engine", tmp_path, "nas-bench-201-16")
    records = run_quick("engine", tmp_path, "sampled-64", "unrolled-16")
    assert set(records) == {"nas-bench-201-16", "sampled-64", "unrolled-16"}
    for record in records.values():
        assert record.keys() == CONDITIONS | {"space", "contestants", "losses", "ratios", "goal", "reached"}
        contestants = record["contestants"]
        assert isinstance(contestants, dict)
        assert list(contestants) == ["plain", "channels_last", "fused"]
        for found in contestants.values():
            assert found.keys() == {"operations", "peak_bytes", "median_seconds", "min_seconds"}
            assert found["operations"] > 100
            assert found["min_seconds"] > 0


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_profile_books_all_time_and_finds_no_wait_of_the_host(tmp_path: Path) -> None:
    record = run_quick("profile_epoch", tmp_path, "nas-bench-201")["nas-bench-201"]
    assert record.keys() > CONDITIONS | {"step_seconds", "part_seconds", "limits", "optimizers"}
    assert record["host_waits_per_step"] == record["host_counters"] == 1
    shares = record["part_shares"]
    assert isinstance(shares, dict)
    # Shares of one total, summed in another order.
    assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
    assert all(share > 0 for share in shares.values())


def test_the_streaming_benchmark_compares_what_reads_the_same_images(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "streaming.py"), "--quick", "--rounds", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"})
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows[0] == "| waited for | waiting | 1 thread | 2 threads | 1 process | 2 processes |"
    assert len(rows) == 2 + 8
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_benchmark_of_waiting_threads_measures_every_way_alone_and_in_company(tmp_path: Path) -> None:
    options = ["--rounds", "1", "--seconds", "0.01", "--folder", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "sharing.py"), *options], check=True)
    steps = json.loads((tmp_path / "sharing.json").read_text(encoding="utf-8"))["steps"]
    assert list(steps) == ["idle, small", "idle, larger", "beside another, small", "beside another, larger"]
    for by_way in steps.values():
        assert set(by_way) == {"default", "10000", "1000", "passive"}
        assert all(value > 0 for (value,) in by_way.values())
    assert "| idle, small |" in (tmp_path / "sharing.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_budget_benchmark_records_what_was_planned_and_what_was_taken(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "budgets.py"), "digits", "--budgets", "20s", "--folder", str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    record = json.loads((tmp_path / "budgets.json").read_text(encoding="utf-8"))["digits/20s/0"]
    assert record["command"] == "dartboard run --budget 20s --seed 0"
    assert record["planned"].keys() <= record["seconds"].keys() | {"baselines"}
    assert 0 < record["accuracy"]["found"] <= 1
    assert record["accuracy"]["by hand"] == record["by_hand"]["accuracy"] > 0.2
    assert record["by_hand"]["command_seconds"] > 15  # of 20; the rest is what is set aside for the test
    assert (tmp_path / "budgets.md").read_text(encoding="utf-8").startswith("# What a budget buys")
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert again.stdout.startswith("# What a budget buys")  # nothing is repeated


def test_what_is_on_record_of_budgets_is_shown_with_a_dash_where_nothing_was_measured(tmp_path: Path) -> None:
    recorded = json.loads((BENCHMARKS / "results" / "budgets.json").read_text(encoding="utf-8"))
    name, record = next(iter(recorded.items()))
    with_a_figure = {**record, "seed": 9, "budget": "7m", "accuracy": {**record["accuracy"], "by hand": 0.4321}}
    without = {key: figure for key, figure in record["accuracy"].items() if key != "by hand"}
    content = {**recorded, "new": with_a_figure, "old": {**record, "seed": 9, "budget": "8m", "accuracy": without}}
    (tmp_path / "budgets.json").write_text(json.dumps(content), encoding="utf-8")
    dataset, budget, seed = name.split("/")
    options = [dataset, "--budgets", budget, "--seeds", seed, "--folder", str(tmp_path)]
    command = [sys.executable, str(BENCHMARKS / "budgets.py"), *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    column = rows[0].index("engineer")
    table = {(row[0], row[1]): row for row in rows[2:] if len(row) == len(rows[0])}
    assert table[dataset, "7m"][column] == "43.21"
    assert table[dataset, "8m"][column] == "-"
    found = f"{100 * record['accuracy']['found']:.2f}"
    own = rows[0].index("dartboard")
    assert table[dataset, "7m"][own] == table[dataset, "8m"][own] == found


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_unlike_data_measures_both_networks(tmp_path: Path) -> None:
    options = ["--train", "400", "--test", "100", "--measure", "40s", "--results", str(tmp_path)]
    command = [sys.executable, str(BENCHMARKS / "unseen.py"), "cifar-tile", str(tmp_path), *options]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    record = json.loads((tmp_path / "unseen.json").read_text(encoding="utf-8"))["cifar-tile/40s/0"]
    assert record["accuracy"].keys() >= {"dartboard", "by hand"}
    assert str(tmp_path) not in record["command"]
    assert "| cifar-tile | 400 + 100 | 40s | 0 |" in done.stdout
    assert "| CIFARTile | cifar-tile | 45.56 |" in done.stdout


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_short_searches_looks_up_what_it_finds(tmp_path: Path) -> None:
    arms = ("gentle-small", "hasty-small")
    options = ["--quick", "--seeds", "1", "--method", "random", "--jobs", "1", "--folder", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "short_searches.py"), *arms, *options], check=True)
    runs = json.loads((tmp_path / "short_searches.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {f"random/{arm}/0" for arm in arms}
    assert len({run["genotype"] for run in runs.values()}) == 1  # the seed alone decides what is drawn
    assert all(0 <= run["percentile"] <= 100 for run in runs.values())


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_ingredients_records_every_arm(tmp_path: Path) -> None:
    asked = ["--data", "cifar10", "--arms", "all", "sgd", "--seeds", "1", "--quick", "--jobs", "1"]
    subprocess.run([sys.executable, str(BENCHMARKS / "ingredients.py"), *asked, "--folder", str(tmp_path)], check=True)
    runs = json.loads((tmp_path / "ingredients.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {"cifar10/all/0", "cifar10/sgd/0"}
    assert "| all | " in (tmp_path / "ingredients.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_width_against_passes_records_held_out_errors(tmp_path: Path) -> None:
    asked = ["--data", "emotions", "--widths", "16", "--quick", "--jobs", "1", "--folder", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "law.py"), *asked], check=True)
    runs = json.loads((tmp_path / "law.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {f"emotions/16/{passes}/0" for passes in (3, 6, 12)}
    assert all(0 < run["error"] < 1 for run in runs.values())


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_what_search_is_worth_records_every_arm_and_repeats_none(tmp_path: Path) -> None:
    arms = ("by-hand", "best-of-4", "drnas")
    options = ["--data", "flowers5", "--seeds", "1", "--quick", "--jobs", "1", "--folder", str(tmp_path)]
    command = [sys.executable, str(BENCHMARKS / "worth.py"), *options, "--arms", *arms]
    subprocess.run(command, check=True)
    runs = json.loads((tmp_path / "worth.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {f"flowers5/{arm}/0" for arm in arms}
    assert all(0 <= run["accuracy"] <= 1 and run["passes"] > 0 for run in runs.values())
    assert runs["flowers5/drnas/0"]["search_steps"] > 0
    assert set(runs["flowers5/best-of-4/0"]["contest"]) == {"found", "random", "random-2", "random-3"}
    assert "| best-of-4 | " in (tmp_path / "worth.md").read_text(encoding="utf-8")
    subprocess.run(command, check=True)
    assert json.loads((tmp_path / "worth.json").read_text(encoding="utf-8"))["runs"] == runs
    refused = subprocess.run([*command, "--share", "0.5"], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "--folder" in refused.stderr


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
def test_the_benchmark_of_short_trainings_records_every_arm(tmp_path: Path) -> None:
    arms = ("base", "batch-128", "flowers-hues")
    options = ["--quick", "--jobs", "1", "--folder", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "short_trainings.py"), *arms, *options], check=True)
    runs = json.loads((tmp_path / "short_trainings.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {"base/0", "batch-128/0", "flowers-hues/0"}
    assert all(0 < run["accuracy"] < 0.5 for run in runs.values())
    assert runs["batch-128/0"]["passes"] == 2 * runs["base/0"]["passes"]
    assert "| base | 1 |" in (tmp_path / "short_trainings.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_scaling_benchmark_measures_fits_and_foretells(tmp_path: Path) -> None:
    options = ["--quick", "--device", "cpu", "--spaces", "nas-bench-201", "--results", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "scaling.py"), *options], check=True)
    found = json.loads((tmp_path / "scaling.json").read_text(encoding="utf-8"))["spaces"]["nas-bench-201"]
    assert [row["probe"] for row in found["rows"]] == [True, True, False, False]
    assert min(found["coefficients"].values()) >= 0
    # Two probes fix what is foretold of themselves.
    assert all(abs(error) < 1e-6 for row in found["rows"][:2] for error in row["error"].values())
    assert (tmp_path / "scaling.svg").exists()


@pytest.mark.slow
def test_what_is_on_record_of_scaling_is_foretold_again_from_its_probes(tmp_path: Path) -> None:
    shutil.copy(BENCHMARKS / "results" / "scaling.json", tmp_path)
    command = [sys.executable, str(BENCHMARKS / "scaling.py"), "--refit", "--results", str(tmp_path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    table = (BENCHMARKS / "results" / "scaling.md").read_text(encoding="utf-8")
    assert (tmp_path / "scaling.md").read_text(encoding="utf-8") == table


@pytest.mark.slow
def test_the_benchmark_of_inherited_weights_trains_what_one_search_found_by_every_arm(tmp_path: Path) -> None:
    arms = ("fresh", "supernet", "supernet, half the rate")
    asked = ["--data", "digits", "--spaces", "nas-bench-201", "--seeds", "1", "--passes", "4", "--jobs", "1", "--quick"]
    command = [sys.executable, str(BENCHMARKS / "inherited.py"), *asked, "--folder", str(tmp_path), "--arms"]
    subprocess.run([*command, arms[0]], check=True)
    first = json.loads((tmp_path / "inherited.json").read_text(encoding="utf-8"))["runs"]
    subprocess.run([*command, *arms], check=True)
    runs = json.loads((tmp_path / "inherited.json").read_text(encoding="utf-8"))["runs"]
    names = [f"digits/nas-bench-201/single-darts/{arm}/4/0" for arm in arms]
    assert list(runs) == names
    assert runs[names[0]] == first[names[0]]  # not repeated
    assert len({run["genotype"] for run in runs.values()}) == 1
    assert "| nas-bench-201 | single-darts | 4 | supernet | " in (tmp_path / "inherited.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.usefixtures("data_root")
@pytest.mark.parametrize(
    ("name", "arms"), [("long_searches", ("darts", "random")), ("table_search", ("darts", "rsps"))]
)
def test_a_benchmark_of_whole_searches_looks_up_what_it_finds_and_repeats_nothing(
    tmp_path: Path, name: str, arms: list[str]
) -> None:
    options = ["--quick", "--seeds", "1", "--folder", str(tmp_path), "--runs", str(tmp_path / "runs")]
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arms, *options]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    runs = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["runs"]
    assert set(runs) == {f"{arm}/0" for arm in arms}
    assert all(set(run["tables"]) == {"12", "200"} for run in runs.values())
    assert len(runs["darts/0"]["by_epoch"]["cifar10_test_200"]) == 2
    assert not (tmp_path / "runs" / "darts" / "0").exists()
    subprocess.run(command, check=True)
    assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["runs"] == runs
