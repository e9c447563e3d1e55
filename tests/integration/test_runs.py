"""`dartboard run DATA` on every kind of dataset: everything is there, and says the same everywhere."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dartboard.records import Result

from .command import SMALL
from .conftest import Run

RUN_FILES = {
    ".lock", "settings.json", "start.json", "dataset.json", "split.json", "events.jsonl", "checkpoints",
    "genotype.json",
    "model.safetensors", "model.json", "scores.json", "predictions.npz", "examples.npz", "result.json", "report.html",
    "facts.json", "README.md",
}  # fmt: skip


def run_to_end(dartboard: Run, *arguments: object) -> Result:
    """Run, check what every run must leave, and give the result."""
    outcome = dartboard("run", *arguments, *SMALL, "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("\n") == 1, "more than the object on standard output"
    return Result.model_validate(json.loads(outcome.out))


def check_run_directory(path: Path, result: Result) -> None:
    assert {entry.name for entry in path.iterdir()} == RUN_FILES
    assert json.loads((path / "result.json").read_text()) == result.to_json()
    assert {"data", "search", "train", "evaluation", "total"} == set(result.seconds)
    assert result.dataset.train + result.dataset.validation + result.dataset.test > 0
    with np.load(path / "predictions.npz") as predictions:
        correct = predictions["labels"] == predictions["predicted"]
    assert len(correct) == result.dataset.test
    assert result.test_accuracy == pytest.approx(correct.mean())


def test_digits_without_any_argument_leave_a_whole_run(dartboard: Run, folder: Path) -> None:
    result = run_to_end(dartboard, "--set", "data.max_train_images=60")
    check_run_directory(folder / "run", result)
    assert (result.dataset.name, len(result.dataset.classes), result.dataset.shape) == ("digits", 10, (1, 8, 8))
    assert "Only 60 of the 1797" in result.dataset.notes[0]
    assert (result.space, result.method, result.seed) == ("nas-bench-201", "darts", 0)
    assert result.command.startswith("dartboard run --set data.max_train_images=60 --preset smoke")
    assert result.genotype.plain == json.loads((folder / "run" / "genotype.json").read_text())


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        pytest.param((8, 8, 3), (3, 8, 8), id="colour"),
        pytest.param((8, 8), (1, 8, 8), id="gray"),
        pytest.param((28, 28), (1, 28, 28), id="28x28"),
        pytest.param((7, 11, 3), (3, 7, 11), id="odd sides"),
        pytest.param((70, 90, 3), (3, 70, 90), id="photographs"),
    ],
)
def test_image_folders_of_any_size_run(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path, size: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    write_image_folder(folder / "pets", per_class=8, size=size)
    result = run_to_end(dartboard, "pets", "--set", "search.epochs=1")
    check_run_directory(folder / "run", result)
    assert (result.dataset.name, result.dataset.classes, result.dataset.shape) == ("pets", ("cats", "dogs"), shape)


def test_a_folder_with_its_own_splits_keeps_them(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path
) -> None:
    for split, number in (("train", 9), ("val", 3), ("test", 4)):
        write_image_folder(folder / "pets" / split, per_class=number)
    result = run_to_end(dartboard, "pets")
    check_run_directory(folder / "run", result)
    assert (result.dataset.train, result.dataset.validation, result.dataset.test) == (18, 6, 8)


def test_a_validation_folder_serves_as_the_test_and_the_result_says_so(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path
) -> None:
    for split, number in (("train", 9), ("val", 3)):
        write_image_folder(folder / "pets" / split, per_class=number)
    result = run_to_end(dartboard, "pets")
    assert result.dataset.test == 6
    assert "'val' split of 6 images serves as the test set" in " ".join(result.dataset.notes)


def test_a_parquet_file_runs(dartboard: Run, parquet_file: Path, folder: Path) -> None:
    result = run_to_end(dartboard, parquet_file)
    check_run_directory(folder / "run", result)
    assert result.dataset.classes == ("cat", "dog")


def test_skipped_broken_images_are_counted_in_the_notes(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path
) -> None:
    pets = write_image_folder(folder / "pets", per_class=10)
    (pets / "cats" / "note.jpg").write_text("no image")
    result = run_to_end(dartboard, pets, "--skip-broken")
    assert result.dataset.notes == ("1 broken image was left out: cats/note.jpg.",)
    assert result.dataset.train + result.dataset.validation + result.dataset.test == 20


def test_names_that_are_no_text_do_not_spoil_a_run(
    dartboard: Run, write_image_folder: Callable[..., Path], folder: Path
) -> None:
    write_image_folder(folder / "pets", ("caf\udce9", "[red]tea"), 8)
    (folder / "pets" / "caf\udce9" / "n\udce9.png").write_text("no image")
    result = run_to_end(dartboard, "pets", "--skip-broken")
    assert result.dataset.classes == ("[red]tea", r"caf\xe9")


def test_a_search_alone_touches_no_test_images_and_its_run_can_be_trained(
    dartboard: Run, folder: Path, pets: Path
) -> None:
    searched = dartboard("search", pets, *SMALL, "--out", "run", "--json")
    result = Result.model_validate_json(searched.out)
    assert (result.test_accuracy, result.method) == (None, "darts")
    assert not (folder / "run" / "scores.json").exists()
    trained = dartboard("train", pets, "--genotype", "run", *SMALL, "--out", "trained", "--json")
    again = Result.model_validate_json(trained.out)
    assert (again.method, again.genotype) == (None, result.genotype)
    assert again.test_accuracy is not None
    assert "search" not in again.seconds


def test_the_same_seed_gives_the_same_files_and_another_seed_does_not(dartboard: Run, folder: Path, pets: Path) -> None:
    for name, seed in (("first", 3), ("second", 3), ("third", 4)):
        assert dartboard("run", pets, *SMALL, "--seed", seed, "--out", name).code == 0
    weights = [(folder / name / "model.safetensors").read_bytes() for name in ("first", "second", "third")]
    assert weights[0] == weights[1] != weights[2]


def test_a_settings_file_gives_way_to_options_and_these_to_set(dartboard: Run, folder: Path, pets: Path) -> None:
    (folder / "mine.yaml").write_text("seed: 5\ndevice: cuda\ntrain: {lr: 0.5, batch_size: 7}\n")
    options = ("-c", "mine.yaml", "--seed", "0", "--set", "train.batch_size=9", "--out", "run")
    assert dartboard("search", pets, *SMALL, *options).code == 0
    settings = json.loads((folder / "run" / "settings.json").read_text())
    assert (settings["seed"], settings["device"]) == (0, "cpu")
    assert (settings["train"]["lr"], settings["train"]["batch_size"]) == (0.5, 9)


def test_the_settings_of_a_run_repeat_it_on_the_data_that_is_named(dartboard: Run, folder: Path, pets: Path) -> None:
    assert dartboard("search", pets, *SMALL, "--out", "first").code == 0
    repeated = dartboard("search", "-c", "first/settings.json", "--out", "second")
    assert repeated.code == 0
    for name in ("settings.json", "genotype.json"):
        assert (folder / "first" / name).read_bytes() == (folder / "second" / name).read_bytes()
    moved = dartboard("search", "digits", "-c", "first/settings.json", "--out", "third", "--json")
    assert Result.model_validate_json(moved.out).dataset.name == "digits"


def test_default_run_directories_are_numbered_and_found_again(dartboard: Run, folder: Path, pets: Path) -> None:
    for _ in range(2):
        assert dartboard("search", pets, *SMALL).code == 0
    first = "pets-nas-bench-201-darts-seed0"
    assert {entry.name for entry in (folder / "runs").iterdir()} == {first, f"{first}-2"}
    again = dartboard("search", pets, *SMALL, "--resume", "--json")
    assert Result.model_validate_json(again.out).path == Path("runs") / f"{first}-2"


def test_the_report_is_written_anew(dartboard: Run, folder: Path, pets: Path) -> None:
    assert dartboard("search", pets, *SMALL, "--out", "run").code == 0
    page = folder / "run" / "report.html"
    before = page.read_bytes()
    page.unlink()
    outcome = dartboard("report", "run")
    assert (outcome.code, outcome.out) == (0, "run/report.html\n")
    assert page.read_bytes() == before
    assert json.loads(dartboard("report", "run", "--json").out) == {"report": "run/report.html"}


def test_several_seeds_are_searched_with_and_the_one_chosen_is_trained_and_tested(
    dartboard: Run, folder: Path, pets: Path
) -> None:
    options = ("--seeds", "2,3", "--choose", "hyperdarts-rule", "--set", "search.epochs=1")
    result = run_to_end(dartboard, pets, *options)
    assert {entry.name for entry in (folder / "run").iterdir()} == RUN_FILES | {"candidates", "choice.json"}
    assert {entry.name for entry in (folder / "run" / "candidates").iterdir()} == {"seed-2", "seed-3"}
    choice = result.choice
    assert choice is not None
    assert choice.to_json() == json.loads((folder / "run" / "choice.json").read_text())
    assert choice.rule == "hyperdarts-rule"
    assert choice.chosen.genotype == result.genotype
    skips = ["skip_connect" in candidate.genotype.text for candidate in choice.candidates]
    assert [candidate.rejected is None for candidate in choice.candidates] == skips
    assert choice.rule_violated == (not any(skips))
    assert (result.seed, set(result.seconds)) == (0, {"data", "search", "train", "evaluation", "total"})
    # A candidate is a search of its own, to be repeated and trained as any other.
    again = dartboard("search", "-c", "run/candidates/seed-3/settings.json", "--out", "again")
    assert again.code == 0, again.err
    genotypes = [path / "genotype.json" for path in (folder / "again", folder / "run" / "candidates" / "seed-3")]
    assert genotypes[0].read_bytes() == genotypes[1].read_bytes()
    rejected = ("--genotype", "run/candidates/seed-3", "-c", "run/settings.json", "--out", "trained", "--json")
    trained = Result.model_validate_json(dartboard("train", pets, *rejected).out)
    assert (trained.choice, trained.seed) == (None, 0)


def test_finalists_are_trained_for_a_short_time_and_the_best_is_trained_and_tested(
    dartboard: Run, folder: Path, pets: Path
) -> None:
    shown = dartboard("run", pets, *SMALL, "--finalists", "3", "--set", "short_train_epochs=1", "--out", "run")
    assert shown.code == 0, shown.err
    assert "finalists: 3, trained for 1 epoch each; the best is taken" in shown.err
    assert {entry.name for entry in (folder / "run").iterdir()} == RUN_FILES | {"finalists", "finalists.json"}
    assert {entry.name for entry in (folder / "run" / "finalists").iterdir()} == {"1", "2", "3"}
    result = Result.model_validate_json((folder / "run" / "result.json").read_text())
    finalists = result.finalists
    assert finalists is not None
    assert finalists.to_json() == json.loads((folder / "run" / "finalists.json").read_text())
    assert finalists.chosen.genotype == result.genotype
    assert set(result.seconds) == {"data", "search", "finalists", "train", "evaluation", "total"}
    row = next(line for line in shown.out.splitlines() if line.startswith("finalist "))
    accuracy = f"{finalists.chosen.validation_accuracy:.2%}"
    assert f"number {finalists.chosen.number} of 3 after 1 epoch of training each: {accuracy} accuracy; all: " in row
    page = (folder / "run" / "report.html").read_text()
    assert "The search proposed 3 architectures" in page
    # A finalist is a training of its own, to be repeated as any other.
    again = dartboard("train", "--genotype", "run/finalists/2", "-c", "run/finalists/2/settings.json", "--out", "again")
    assert again.code == 0, again.err
    models = [path / "model.safetensors" for path in (folder / "again", folder / "run" / "finalists" / "2")]
    assert models[0].read_bytes() == models[1].read_bytes()
    settings = ("--genotype", "run/finalists/2", "-c", "run/settings.json", "--out", "trained", "--json")
    assert Result.model_validate_json(dartboard("train", pets, *settings).out).finalists is None
