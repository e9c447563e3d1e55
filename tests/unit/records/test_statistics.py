"""The record of tests: what it holds, and what it says with few seeds."""

from pathlib import Path

import numpy as np
import pytest

from dartboard.records import Statistics, TestedImages, statistics_of

FOUR = {"a": [0.91, 0.92, 0.93, 0.915], "b": [0.81, 0.80, 0.83, 0.815], "random": [0.82, 0.80, 0.825, 0.82]}


def judged(values: dict[str, list[float | None]] | dict[str, list[float]], **given: object) -> Statistics:
    found = statistics_of(values, measure="test accuracy", **given)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_few_seeds_say_that_an_exact_test_cannot_tell_and_every_pair_that_is_not_apart_has_a_sentence() -> None:
    told = judged(FOUR, baseline="random", random="random")
    assert [(pair.first, pair.second, pair.verdict) for pair in told.pairs] == [
        ("a", "b", "apart if normal"), ("a", "random", "apart if normal"), ("b", "random", "not apart"),
    ]  # fmt: skip
    assert all(pair.exact_p is not None and pair.exact_p >= pair.smallest_p == 0.125 for pair in told.pairs)
    assert "An exact test with 4 seeds cannot go under p = 0.125, whatever the accuracies are." in told.notes
    assert told.pairs[2].sentence.startswith("b and random cannot be told apart: ")
    assert [(pair.first, pair.second) for pair in told.against_baseline] == [("a", "random"), ("b", "random")]
    assert any(note.startswith("Seeds of one data set") for note in told.notes)


def test_the_improvement_over_random_is_by_the_seeds_that_both_have() -> None:
    told = judged({"a": [0.9, None], "random": [0.8, 0.1]}, random="random")
    assert told.relative_improvement == {"a": pytest.approx(12.5)}
    assert judged(FOUR).relative_improvement == {}


def test_ranks_take_three_methods_and_name_the_best_first() -> None:
    ranks = judged(FOUR).ranks
    assert ranks is not None
    assert next(iter(ranks.ranks)) == "a"
    assert {name for group in ranks.groups for name in group} >= {"b", "random"}
    assert judged({name: FOUR[name] for name in "ab"}).ranks is None


def test_blocks_of_a_grid_are_no_seeds() -> None:
    told = judged(FOUR, unit="block")
    assert "over 4 blocks" in told.pairs[2].sentence
    assert not any(note.startswith("Seeds of one data set") for note in told.notes)


def test_one_method_alone_has_no_tests_and_one_without_any_accuracy_is_left_out() -> None:
    assert statistics_of({"a": [0.9]}, measure="") is None
    assert statistics_of({"a": [0.9], "b": [None]}, measure="") is None


def test_the_record_is_plain_json_and_comes_back() -> None:
    told = judged({"a": [0.9, 0.9], "b": [0.8, 0.8], "c": [0.7, 0.7]})  # all blocks agree: F is infinite
    assert Statistics.model_validate_json(told.model_dump_json()) == told


def write_run(folder: Path, predicted: list[int], labels: list[int], test: list[int]) -> Path:
    folder.mkdir(parents=True)
    np.savez(folder / "predictions.npz", labels=labels, predicted=predicted, probabilities=np.zeros((len(labels), 2)))
    from dartboard.records import Split

    Split(
        weights=(), alphas=(), train=(), validation=(), test=tuple(test), validation_source="train", test_source="test"
    ).write(folder)
    return folder


def runs(root: Path, test: list[list[int]]) -> dict[str, dict[int, Path]]:
    labels = [0, 0, 0, 1]
    return {
        name: {
            seed: write_run(root / name / str(seed), [first, 0, 0, 1], labels, images)
            for seed, images in enumerate(test)
        }
        for name, first in (("a", 0), ("b", 1))
    }


def test_images_are_read_by_method_and_seed(tmp_path: Path) -> None:
    read = TestedImages.read(runs(tmp_path, [[3, 4, 5, 6], [3, 4, 5, 6]]))
    assert read is not None
    assert read.same_images
    assert read.right.shape == (2, 2, 4)
    assert read.right.mean(axis=(1, 2)).tolist() == [1, 0.75]
    told = judged({"a": [1.0, 1.0], "b": [0.75, 0.75]}, images=read)
    assert told.intervals["a"] == (1, 1)
    low, high = told.pairs[0].interval or (0, 0)
    assert 0 <= low < 0.25 < high


def test_images_of_other_splits_are_no_common_ones_and_classes_can_count_alike(tmp_path: Path) -> None:
    read = TestedImages.read(runs(tmp_path, [[3, 4, 5, 6], [7, 8, 9, 1]]), balanced=True)
    assert read is not None
    assert not read.same_images
    assert read.right.mean(axis=2)[1] == pytest.approx([(2 / 3 + 1) / 2] * 2)


def test_seeds_that_not_all_methods_have_are_left_out_and_other_labels_refused(tmp_path: Path) -> None:
    folders = runs(tmp_path, [[1, 2, 3, 4], [1, 2, 3, 4]])
    del folders["b"][0]
    read = TestedImages.read(folders)
    assert read is not None
    assert read.seeds == (1,)
    folders["b"][1] = write_run(tmp_path / "other", [0], [0], [1])
    assert TestedImages.read(folders) is None
    del folders["b"][1]
    assert TestedImages.read(folders) is None
