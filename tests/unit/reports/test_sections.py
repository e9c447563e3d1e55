import html
import json
import re

import numpy as np
import pytest

from dartboard.errors import RunDirectoryError
from dartboard.records import Contest, Contestant, GenotypeForms
from dartboard.reports import write_report
from dartboard.reports.charts.gate_charts import draw_gates
from dartboard.reports.gate_history import read_gates
from dartboard.reports.measures import wilson_interval
from dartboard.runs import Rollback, SearchEpoch
from dartboard.space import PUBLISHED
from dartboard.space.genotype import CellGenotype, Choice, Genotype, parse_genotype

from .made_up import CLASSES, DARTS_OPERATIONS, DARTS_V2, NAS_BENCH_201, FakeRun, told


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def missing(path):
    """How the sentences on the page begin that say what is missing."""
    return re.findall(
        r'<p class="missing">([^:]*?)(?: in this run directory[^<]*|:[^<]*)</p>', write_report(path).read_text()
    )


def test_headline_facts_are_those_of_the_result_file(finished_run):
    facts = told(finished_run)
    summary = facts.summary
    assert summary.title == "shapes & more: found by darts in nas-bench-201"
    assert (summary.parameters, summary.multiply_adds, summary.device) == (3349342, 528_000_000, "cpu")
    assert facts.repeat.seed == 7
    assert facts.architecture.text == NAS_BENCH_201
    assert facts.dataset.dataset.classes == tuple(CLASSES)
    assert facts.cost.seconds["total"] == summary.seconds == 452.5
    assert missing(finished_run) == []


def test_settings_become_dotted_keys(finished_run):
    assert told(finished_run).repeat.settings == {
        "seed": "7",
        "method.name": "darts",
        "method.options": "none",
        "space": "darts",
    }


def test_a_choice_is_read_with_its_candidates(run_path):
    run, genotype = FakeRun(run_path), parse_genotype(DARTS_V2)
    assert told(run_path).seed_choice is None
    run.choose({3: genotype, 5: genotype})
    choice = told(run_path).seed_choice
    assert (choice.rule, choice.chosen.seed) == ("best-supernet", 3)
    assert [candidate.supernet_accuracy for candidate in choice.candidates] == pytest.approx([0.9, 0.8])
    assert choice.candidates[1].genotype.genotype == genotype


def test_finalists_are_read_with_what_became_of_them(run_path):
    run, genotype = FakeRun(run_path), parse_genotype(DARTS_V2)
    assert told(run_path).finalists is None
    run.compare_finalists([genotype, genotype], chosen=2)
    finalists = told(run_path).finalists
    assert finalists.epochs == 3
    assert [finalist.validation_accuracy for finalist in finalists.finalists] == pytest.approx([0.79, 0.9])
    assert [(each.number, each.chosen, each.folder) for each in finalists.finalists] == [
        (1, False, "finalists/1"),
        (2, True, "finalists/2"),
    ]
    assert finalists.finalists[1].genotype.genotype == genotype


def test_one_run_has_a_wilson_interval_and_no_spread(finished_run):
    summary = told(finished_run).summary
    assert summary.test_accuracy_std is None
    assert summary.interval == wilson_interval(summary.test_accuracy, 200)


def test_several_runs_have_a_spread_and_no_interval(run_path):
    run = FakeRun(run_path)
    run.evaluate(runs=3)
    facts = told(run_path)
    assert facts.summary.interval is None
    assert facts.summary.test_accuracy_std == pytest.approx(0.01 * (2 / 3) ** 0.5)
    assert [score.seed for score in facts.test.scores.runs] == [7, 8, 9]


def test_recall_and_precision_agree_with_the_predictions(finished_run):
    classes = told(finished_run).confusion.classes
    with np.load(finished_run / "predictions.npz") as saved:
        labels, predicted = saved["labels"], saved["predicted"]
    for number, entry in enumerate(classes):
        assert entry.recall == pytest.approx((predicted == number)[labels == number].mean())
        assert entry.precision == pytest.approx((labels == number)[predicted == number].mean())
    assert sum(entry.correct for entry in classes) / 200 == pytest.approx(told(finished_run).summary.test_accuracy)


@pytest.mark.parametrize("classes", [3, 10, 12])
def test_the_top_5_are_told_of_many_classes(run_path, classes):
    FakeRun(run_path, classes=[f"class {number}" for number in range(classes)]).evaluate()
    with np.load(run_path / "predictions.npz") as saved:
        labels, probabilities = saved["labels"], saved["probabilities"]
    better = (probabilities > probabilities[np.arange(len(labels)), labels][:, None]).sum(axis=1)
    assert told(run_path).test.top5 == (pytest.approx((better < 5).mean()) if classes > 10 else None)


def test_wrong_examples_come_most_confident_first_and_differ_from_their_class(finished_run):
    facts = told(finished_run).examples
    confidences = [example.confidence for example in facts.wrong]
    assert (len(facts.correct), len(facts.wrong)) == (12, 12)
    assert confidences == sorted(confidences, reverse=True)
    assert all(example.true != example.predicted for example in facts.wrong)
    assert all(example.true == example.predicted for example in facts.correct)


def test_gates_are_told_by_edge_and_operation_and_the_kept_one_is_named(run_path):
    FakeRun(run_path).search(parse_genotype(DARTS_V2))
    events = [json.loads(line) for line in (run_path / "events.jsonl").read_text().splitlines()]
    gates = {entry.kind: entry for entry in told(run_path).search.gates}
    assert gates["normal"].operations == DARTS_OPERATIONS
    assert len(gates["normal"].edges) == 14
    edge = gates["normal"].edges[11]
    assert (edge.label, edge.kept) == ("2 → 5", ("dil_conv_3x3",))
    assert edge.gates[6] == tuple(event["gates"]["normal"][11][6] for event in events if event["event"] == "epoch")
    assert gates["reduce"].edges[2].kept == ()


def test_gates_of_a_search_in_stages_start_where_the_last_stage_did(run_path):
    run = FakeRun(run_path)
    run.search(parse_genotype(NAS_BENCH_201))
    log = run_path / "events.jsonl"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    events[0]["gates"]["cell"] = [[0.5, 0.5]] * 6
    log.write_text("\n".join(map(json.dumps, events)))
    assert told(run_path).search.gates[0].epochs == (2, 3, 4, 5)


def test_the_epoch_from_which_the_genotype_stays_is_found(finished_run):
    assert told(finished_run).search.settled == 3


def test_a_warm_up_without_alpha_step_leaves_a_gap(finished_run):
    losses = [epoch.alpha_loss for epoch in told(finished_run).search.epochs]
    assert losses[0] is None
    assert None not in losses[1:]


def test_a_search_alone_misses_training_test_and_pictures(run_path):
    FakeRun(run_path).search(parse_genotype(NAS_BENCH_201))
    facts = told(run_path)
    assert facts.search is not None
    assert missing(run_path) == ["No training was recorded", "No test scores were recorded"]
    assert facts.cost.seconds == {"search": 300.0}
    assert facts.summary.title == "run: found by darts in darts"


def test_a_training_alone_misses_the_search(run_path):
    FakeRun(run_path).train(runs=2)
    facts = told(run_path)
    assert [run[0].run for run in facts.training.runs] == [0, 1]
    assert facts.summary.title == "run: an architecture in darts"
    assert missing(run_path) == [
        "No architecture has been recorded here yet",
        "No search was recorded",
        "No test scores were recorded",
    ]


def test_an_event_cut_short_by_a_kill_is_ignored(finished_run):
    with (finished_run / "events.jsonl").open("a") as stream:
        stream.write('{"event": "epoch", "pha')
    assert len(told(finished_run).search.epochs) == 5


def test_a_missing_folder_and_a_foreign_one_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"there is no folder .*nowhere"):
        write_report(tmp_path / "nowhere")
    (tmp_path / "holiday.txt").touch()
    with pytest.raises(RunDirectoryError, match="is no run directory of dartboard"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("scores.json", "{"),
        ("scores.json", "[1]"),
        ("scores.json", '{"runs": 3}'),
        ("genotype.json", '{"space": "darts", "normal": [[1]], "normal_concat": []}'),
        ("predictions.npz", "no archive"),
        ("choice.json", '{"rule": "best-supernet"}'),
        ("finalists.json", '{"epochs": 1, "finalists": [{"number": 1}]}'),
        ("finalists.json", "[]"),
        ("examples.npz", ""),
        ("events.jsonl", '{"event": "epoch", "phase": "search"}'),
    ],
)
def test_a_damaged_file_is_named(finished_run, name, content):
    (finished_run / name).write_text(content)
    with pytest.raises(RunDirectoryError, match=name):
        write_report(finished_run)


@pytest.mark.parametrize("name", ["predictions.npz", "examples.npz"])
def test_an_archive_that_lacks_an_array_is_named(finished_run, name):
    np.savez(finished_run / name, labels=np.zeros(3, dtype=np.int64))
    with pytest.raises(RunDirectoryError, match=name):
        write_report(finished_run)


def test_a_search_that_went_back_tells_its_epochs_once_and_the_time_of_all(run_path):
    run = FakeRun(run_path, epochs=3)
    run.directory.events.append(Rollback(before=3, epoch=1, reason="its cells had grown worse", seconds=120.0))
    run.search(parse_genotype(NAS_BENCH_201))
    search = told(run_path).search
    assert search.numbers == (1, 2, 3)
    assert search.seconds == 3 * 60 + 120


def test_a_cell_whose_nodes_have_left_keeps_the_numbers_of_its_edges_and_names_all_that_an_edge_keeps():
    cell = CellGenotype((Choice(3, 0, "none"), Choice(4, 1, "skip_connect"), Choice(4, 1, "none")), (3, 4))
    epoch = SearchEpoch(
        epoch=1,
        epochs=1,
        steps=1,
        seconds=1.0,
        weight_loss=None,
        weight_accuracy=None,
        alpha_loss=None,
        validation_loss=None,
        validation_accuracy=None,
        learning_rate=0.1,
        gates={"normal": [[0.5, 0.5]] * 14},
        operations=("none", "skip_connect"),
        genotype={},
        operation_counts={},
    )
    (drawn,) = read_gates([epoch], Genotype("darts", (("normal", cell),)))
    edges = drawn.edges
    assert [edge.label for edge in edges[:6]] == ["0 → 2", "1 → 2", "0 → 3", "1 → 3", "2 → 3", "0 → 4"]
    assert {edge.label: edge.kept for edge in edges if edge.kept} == {
        "0 → 3": ("none",),
        "1 → 4": ("skip_connect", "none"),
    }
    assert "skip_connect, none" in draw_gates(drawn)


def test_the_search_tells_where_it_started(finished_run):
    before = write_report(finished_run).read_text()
    assert told(finished_run).search.start is None
    assert "It started at" not in before
    other = NAS_BENCH_201.replace("skip_connect", "none")
    start = {"start_at": parse_genotype(other).to_json(), "start_lead": 1.5}
    edit(finished_run / "settings.json", search=start)
    search = told(finished_run).search
    assert (search.start, search.lead) == (other, 1.5)
    assert "It started at the architecture |nor_conv_3x3~0|" in write_report(finished_run).read_text()
    edit(finished_run / "settings.json", search=start | {"start_at": PUBLISHED["conv-stages-by-hand"].to_json()})
    assert told(finished_run).search.start == "conv-stages-by-hand"
    edit(finished_run / "settings.json", search={"start_at": None, "start_lead": 1.5})
    assert told(finished_run).search.lead is None


def test_beside_the_settings_stands_what_the_winner_of_a_contest_has_in_their_place(finished_run):
    edit(finished_run / "settings.json", space="nas-bench-201", train={"init_channels": 16, "layers": 2, "lr": 0.1})
    hold_contest(finished_run, "found", 16)
    assert told(finished_run).repeat.trained == {}
    assert "The network trained has" not in write_report(finished_run).read_text()
    hold_contest(finished_run, "resnet", 24)
    assert told(finished_run).repeat.trained == {"train.init_channels": "24"}
    assert told(finished_run).repeat.settings["train.init_channels"] == "16"
    assert "The network trained has <code>train.init_channels=24</code>, as" in write_report(finished_run).read_text()


def captions(path):
    """The captions of the figures on the page, and the sentences on what is missing."""
    page = html.unescape(write_report(path).read_text())
    return re.findall(r'<(?:figcaption|p class="missing")>([^<]*)<', page)


def test_captions_tell_only_of_curves_that_are_there(run_path):
    run = FakeRun(run_path, epochs=1)
    run.search(parse_genotype(NAS_BENCH_201))
    run.train()
    told = " ".join(captions(run_path))
    for absent in ("curve", "red band", "each epoch", "over the epochs", "Thick lines", "train alpha"):
        assert absent not in told
    for present in ("after the only epoch", "on the images that train its weights and the validation images."):
        assert present in told


def test_captions_of_many_epochs_tell_of_their_curves(finished_run):
    told = " ".join(captions(finished_run))
    for present in ("the curve for training images", "red band", "after each epoch", "Thick lines", "train alpha"):
        assert present in told


def test_no_red_band_is_told_of_where_nothing_skips(run_path):
    FakeRun(run_path).search(parse_genotype(NAS_BENCH_201.replace("skip_connect", "none")))
    assert "red band" not in " ".join(captions(run_path))


def test_a_run_without_a_search_says_why_there_is_none(finished_run):
    log = finished_run / "events.jsonl"
    log.write_text("".join(line for line in log.read_text().splitlines(True) if '"search"' not in line))
    for method, said, title in (
        ("random", "random draws an architecture without a supernet.", "drawn by random in"),
        (None, "Nothing was searched: the architecture was given.", "an architecture in"),
    ):
        edit(finished_run / "result.json", method=method)
        assert said in " ".join(captions(finished_run))
        assert title in told(finished_run).summary.title
        assert "was used" in told(finished_run).summary.sentences or method


def test_the_headline_names_the_winner_of_a_contest_and_not_the_search(finished_run):
    hold_contest(finished_run, "found", 16)
    assert told(finished_run).summary.title == "shapes & more: found by darts in nas-bench-201"
    hold_contest(finished_run, "a plain ResNet-12", 16)
    summary = told(finished_run).summary
    assert summary.title == "shapes & more: a plain ResNet-12, chosen in a contest, in nas-bench-201"
    assert "a contest chose a plain ResNet-12 instead of the architecture found" in summary.sentences


def hold_contest(path, winner, channels):
    """Leave the record of a contest without rounds that a network of so many channels won."""
    form = GenotypeForms.of(parse_genotype(NAS_BENCH_201))
    one = Contestant(
        name=winner, what=winner, genotype=form, init_channels=channels, layers=2, steps=1, test_seconds=0.0
    )
    Contest(epochs=4, rounds=(), seconds=None, objective="accuracy", images=9, contestants=(one,), winner=winner).write(
        path
    )
