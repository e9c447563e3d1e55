"""What a comparison will run, and how its runs are summed up."""

from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401
from dartboard.errors import DartboardError, RecipeError, SettingsError, UnknownNameError
from dartboard.records import Comparison, DataFinding, DatasetRecord, GenotypeForms, Result
from dartboard.records.comparison import ComparedRun, Spread, summary_of
from dartboard.runs import Observer, RunDirectory
from dartboard.settings import search_request
from dartboard.space import PUBLISHED
from dartboard.workflow.compare import ComparisonPlan, ComparisonRecord, grown, plan_comparison


def planned(*methods: str, seeds: Any = 2, train: bool = True, **layer: Any) -> ComparisonPlan:
    return plan_comparison(None, [{"preset": "smoke", **layer}], methods, seeds, train=train)


def test_every_method_is_run_with_every_seed_all_methods_with_the_first_one_first() -> None:
    plan = planned("darts", "random", seeds="7,3")
    assert [(seed, each.label) for seed, each in plan.pairs()] == [
        (7, "darts"), (7, "random"), (3, "darts"), (3, "random"),
    ]  # fmt: skip
    assert plan.wanted == 4
    assert planned("darts", seeds=3, seed=5).seeds == (5, 6, 7)
    assert planned("darts", seeds=[1]).seeds == (1,)


def test_options_follow_a_colon_and_make_another_method_of_it() -> None:
    plan = planned("darts-minus", "darts-minus:auxiliary_gate=0.3")
    plain, other = plan.contenders
    assert other.layer == {"method": {"name": "darts-minus", "options": {"auxiliary_gate": 0.3}}}
    assert (plain.folder, other.folder) == ("darts-minus", "darts-minus-auxiliary_gate=0.3")


def test_options_of_a_method_in_the_settings_of_all_runs_are_those_of_no_contender() -> None:
    """A settings file of a finished run names its method, which has nothing to do with those that are compared."""
    plan = planned("darts", "gdas", method={"name": "darts", "options": {"alpha_lr": 0.5}})
    for seed, contender in plan.pairs():
        options = search_request(None, plan.layers_of(seed, contender), plan.steps).resolved().method
        assert (options.name, options.options) == (contender.label, {})


def test_a_contender_may_have_settings_of_the_search_for_itself() -> None:
    """As rates of the weights, whose effect an ablation compares; the comparison as such does not hold them."""
    names = ("single-darts:search.weight_lr=0.001", "single-darts:alpha_lr=0.1,search.weight_lr=0.025", "darts")
    plan = planned(*names, space="nas-bench-201", preset="nas-bench-201")
    rates = [
        search_request(None, plan.layers_of(seed, each), plan.steps).resolved().search.weight_lr
        for seed, each in plan.pairs()
    ]
    assert rates[:3] == [0.001, 0.025, 0.025]
    swapped = planned(*names[::-1], space="nas-bench-201", preset="nas-bench-201")
    own, other = plan.settings(None), swapped.settings(None)
    assert own["search"] == other["search"]
    assert plan.contenders[1].layer["method"]["options"] == {"alpha_lr": 0.1}
    with pytest.raises(SettingsError, match=r"give it to all by --set train\.epochs=3"):
        planned("darts:train.epochs=3")


def test_the_space_left_open_is_one_that_fits_all() -> None:
    assert planned("darts", "gdas", space="auto").space == "nas-bench-201"
    assert planned("darts", "dots", space="auto").space == "darts"
    assert planned("darts", "gdas", space="darts:nodes=3").space == "darts:nodes=3"


@pytest.mark.parametrize(
    ("methods", "layer", "kind", "sentence"),
    [
        ((), {}, SettingsError, "there is nothing to compare; name methods"),
        (("darts", "gdas", "darts"), {}, SettingsError, "the method 'darts' is named twice"),
        (("darts", "dratz"), {}, UnknownNameError, "there is no method 'dratz'; did you mean"),
        (("darts:depth=3",), {}, SettingsError, "depth"),
        (("darts:depth",), {}, SettingsError, "not of the form key=value"),
        (("darts",), {"budget": "10m"}, SettingsError, "a comparison takes no budget"),
        (("darts", "dots"), {"space": "nas-bench-201"}, RecipeError, "the topology of cells is searched"),
        (("darts",), {"search.epochs": -1}, SettingsError, "epochs"),
        (("darts",), {"space": "drats"}, UnknownNameError, "darts"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    methods: tuple[str, ...], layer: dict[str, Any], kind: type[DartboardError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        planned(*methods, **layer)


def test_seeds_that_are_none_are_refused() -> None:
    with pytest.raises(SettingsError, match="seeds"):
        planned("darts", seeds="many")
    with pytest.raises(SettingsError, match="seeds"):
        planned("darts", seeds=0)


def test_a_comparison_may_have_more_methods_and_its_data_elsewhere_and_nothing_else() -> None:
    recorded, wanted = planned("darts", seed=1).settings("digits"), planned("darts", "random").settings(Path("moved"))
    grew = grown(recorded, wanted)
    assert {key for key in wanted if grew[key] != wanted[key]} == set()
    assert grown(recorded, planned("darts", space="darts").settings("digits"))["space"] == "nas-bench-201"


def run(method: str, seed: int, **figures: Any) -> ComparedRun:
    return ComparedRun(method=method, seed=seed, folder=f"{method}/seed-{seed}", **figures)


def test_means_and_sample_deviations_are_over_the_runs_that_ended() -> None:
    runs = [
        run("a", 0, test_accuracy=0.5, skips=2),
        run("a", 1, test_accuracy=0.7, skips=4),
        run("a", 2, failure="the loss is nan"),
        run("b", 0, test_accuracy=0.1),
    ]
    found = summary_of("a", None, runs)
    assert (found.runs, found.failures) == (2, 1)
    assert found.test_accuracy is not None
    assert found.test_accuracy.mean == pytest.approx(0.6)
    assert found.test_accuracy.std == pytest.approx(0.1 * 2**0.5)
    assert found.skips is not None
    assert (found.skips.mean, found.skips.std) == (3.0, pytest.approx(2**0.5))
    assert (found.table_accuracy, found.difference) == (None, None)
    assert summary_of("b", None, runs).test_accuracy == Spread(mean=0.1, std=None)
    nothing = summary_of("c", None, runs)
    assert (nothing.runs, nothing.test_accuracy) == (0, None)


def test_a_method_is_compared_with_the_baseline_seed_by_seed() -> None:
    runs = [
        run("random", 0, test_accuracy=0.5),
        run("random", 1, test_accuracy=0.9),
        run("random", 2, failure="no memory"),
        run("a", 0, test_accuracy=0.6),
        run("a", 1, test_accuracy=0.8),
        run("a", 2, test_accuracy=0.0),
    ]
    found = summary_of("a", "random", runs).difference
    assert found is not None
    assert found.mean == pytest.approx(0.0)
    assert found.std == pytest.approx(0.1 * 2**0.5)
    assert summary_of("random", "random", runs).difference is None


def test_where_classes_count_alike_balanced_accuracies_are_compared() -> None:
    def both(method: str, balanced: float) -> ComparedRun:
        return run(method, 0, test_accuracy=0.9, balanced_accuracy=balanced, objective="balanced-accuracy")

    found = summary_of("a", "random", [both("random", 0.5), both("a", 0.75)])
    assert found.difference == Spread(mean=0.25, std=None)
    assert found.balanced_accuracy == Spread(mean=0.75, std=None)


def test_without_a_training_the_table_is_what_counts() -> None:
    runs = [run("random", 0, table_accuracy=0.5), run("a", 0, table_accuracy=0.75)]
    assert summary_of("a", "random", runs).difference == Spread(mean=0.25, std=None)


def ended(*found: tuple[str, str]) -> Result:
    """The result of a run, with the kinds and sentences of what the check of its data found."""
    findings = tuple(
        DataFinding.model_construct(kind=kind, count=1, examples=(), sentence=told) for kind, told in found
    )
    dataset = DatasetRecord.model_construct(name="pets", findings=findings)
    genotype = GenotypeForms.of(PUBLISHED["nas-bench-201-resnet"])
    unknown = dict.fromkeys(Result.model_fields)
    facts = {"dataset": dataset, "genotype": genotype, "objective": "accuracy", "seconds": {}, "blind": False}
    return Result.model_construct(**(unknown | facts))


def test_what_the_check_of_the_data_found_is_taken_from_the_first_run_with_any_of_its_kind(tmp_path: Path) -> None:
    plan = planned("darts", "random", space="darts")
    record = ComparisonRecord(RunDirectory(tmp_path), plan, "", Observer())
    results = [
        ended(("few images", "first")),
        ended(("few images", "first")),
        ended(("few images", "other"), ("duplicates", "a"), ("duplicates", "b")),
        ended(),
    ]
    for (seed, contender), result in zip(plan.pairs(), results, strict=True):
        record.add(seed, contender, result)
    assert [finding.sentence for finding in record.summarize().findings] == ["first", "a", "b"]
    assert [finding.sentence for finding in Comparison.read(tmp_path).findings] == ["first", "a", "b"]
