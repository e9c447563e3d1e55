"""The published figures of the package: whole, of known units, and found by name."""

import pytest

from dartboard.errors import UnknownNameError
from dartboard.records import PublishedFigure, RunScale, find_published, scale_sentence, to_set_beside
from dartboard.records.published import same_name

EVERY = find_published()


def test_every_figure_has_a_source_a_schedule_and_a_value_of_its_unit() -> None:
    assert len(EVERY) > 500
    assert {(each.metric == "flops") == (each.unit == "M") for each in EVERY} == {True}
    assert all(each.source and each.table and each.schedule for each in EVERY)
    assert all(0 <= each.value <= 100 for each in EVERY if each.unit == "%")
    assert all(each.printed.startswith(f"{each.value:g}"[:3]) for each in EVERY)
    assert {each.space for each in EVERY} == {"darts", "nas-bench-201", "own", "hand-designed"}


def test_no_figure_stands_twice_in_one_table() -> None:
    told = {"value", "std", "printed", "parameters", "gpu_days", "hardware", "note", "source"}
    keys = [each.model_dump_json(exclude=told) for each in EVERY]
    assert len(set(keys)) == len(keys)


def test_corrections_say_what_was_printed() -> None:
    corrected = [each for each in EVERY if "CORRECTED" in each.note]
    assert len(corrected) > 4
    assert all("printed" in each.note for each in corrected)


def test_the_mean_of_single_runs_is_the_mean_that_is_printed() -> None:
    tables = {(each.table, each.dataset, each.method) for each in EVERY if each.variant.startswith("mean of ")}
    assert len(tables) > 5
    for table, dataset, method in tables:
        own = [each for each in EVERY if (each.table, each.dataset, each.method) == (table, dataset, method)]
        runs = [each.value for each in own if each.variant.startswith("training run ")]
        (mean,) = [each for each in own if each.variant == f"mean of {len(runs)} training runs"]
        assert mean.value == pytest.approx(sum(runs) / len(runs), abs=0.0051), (
            table,
            dataset,
        )  # two digits are printed


def test_figures_of_the_tables_are_those_of_nas_bench_201() -> None:
    found = {
        (each.dataset, each.variant): each.value
        for each in find_published("cell", "nas-bench-201")
        if each.table.startswith("Dong 2020")
    }
    assert found["CIFAR-10", "index 9930"] == 94.36
    assert found["CIFAR-100", "all skip_connect"] == 15.61


def test_errors_and_accuracies_become_accuracies_and_nothing_else_does() -> None:
    def one(metric: str, value: float) -> float | None:
        return next(each.model_copy(update={"metric": metric, "value": value}) for each in EVERY).accuracy

    assert one("test_error", 2.5) == one("top1_error", 2.5) == pytest.approx(0.975)
    assert one("test_accuracy", 97.5) == pytest.approx(0.975)
    assert [one(metric, 1.0) for metric in ("supernet_val_accuracy", "val_accuracy", "flops", "top5_error")] == [
        None
    ] * 4


def test_names_are_found_whatever_their_case_and_punctuation() -> None:
    found = find_published("PC-DARTS", "nas-bench-201", "cifar10")
    assert {(each.method, each.dataset) for each in found} == {("pc-darts", "CIFAR-10")}
    assert not same_name("CIFAR-10", "cifar100")
    assert find_published("alexnet", "nas-bench-201") == ()


def test_all_unknown_names_are_told_at_once() -> None:
    with pytest.raises(UnknownNameError, match=r"method 'nothing'.*space 'nowhere'.*data set 'nobody' .*GeoClassing"):
        find_published("nothing", "nowhere", "nobody")
    with pytest.raises(UnknownNameError, match=r"method 'pcdart' \(there are pc-darts"):
        find_published("pcdart")


def beside(*methods: str, space: str = "darts") -> list[PublishedFigure]:
    return list(to_set_beside(methods, [space], ["cifar10"]))


def test_a_table_is_set_beside_means_first_hand_figures_and_each_only_once() -> None:
    found = beside("darts-2nd", "p-darts", "darts-pt", "beta-darts")
    assert not any(each.single for each in found)
    by_method = {method: [each for each in found if each.method == method] for method in ("p-darts", "darts-pt")}
    assert [each.value for each in by_method["p-darts"]] == [2.50]  # not the large network's 2.25
    assert [each.variant for each in by_method["darts-pt"]] == ["average of 4 searches"]
    assert not any(each.second_hand for each in found if each.method != "beta-darts")
    assert any(each.second_hand for each in found if each.method == "beta-darts")  # there is no other
    assert beside("darts-2nd", space="robust_s1") == []


def test_the_sentence_on_scale_names_epochs_channels_and_hardware() -> None:
    ours = [
        RunScale(search_epochs=3, train_epochs=1, channels=4, layers=5, device="cpu"),
        RunScale(search_epochs=10, train_epochs=1, channels=4, layers=5, device="cpu"),
    ]
    told = scale_sentence(ours, beside("darts-2nd", "single-darts"))
    for part in (
        "searches of 3 to 10 epochs, trainings of 1 epoch and networks of 4 channels and 5 layers on cpu",
        "train 600 epochs, best test epoch",
        "1x GTX 1080 Ti (search)",
        "36 channels and 20 cells",
        "no mean holds both",
    ):
        assert part in told
