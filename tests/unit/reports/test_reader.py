import json

import numpy as np
import pytest

from dartboard.errors import RunDirectoryError
from dartboard.reports import read_facts
from dartboard.reports.gate_charts import draw_gates
from dartboard.reports.history import read_search
from dartboard.reports.measures import wilson_interval
from dartboard.runs import Rollback
from dartboard.space.genotype import CellGenotype, Choice, Genotype, parse_genotype

from .made_up import CLASSES, DARTS_OPERATIONS, DARTS_V2, NAS_BENCH_201, FakeRun


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_headline_facts_are_those_of_the_result_file(finished_run):
    facts = read_facts(finished_run)
    assert facts.title == "shapes & more: found by darts in nas-bench-201"
    assert (facts.parameters, facts.multiply_adds, facts.seed, facts.device) == (3349342, 528_000_000, 7, "cpu")
    assert facts.genotype_text == NAS_BENCH_201
    assert facts.dataset.classes == tuple(CLASSES)
    assert dict(facts.seconds)["total"] == 452.5
    assert facts.missing == {}


def test_settings_become_dotted_keys(finished_run):
    assert dict(read_facts(finished_run).settings) == {
        "seed": "7",
        "method.name": "darts",
        "method.options": "none",
        "space": "darts",
    }


def test_a_choice_is_read_with_its_candidates(run_path):
    run, genotype = FakeRun(run_path), parse_genotype(DARTS_V2)
    assert read_facts(run_path).choice is None
    run.choose({3: genotype, 5: genotype})
    choice = read_facts(run_path).choice
    assert (choice.rule, choice.seed, choice.short_trained) == ("best-supernet", 3, False)
    assert [candidate.supernet_accuracy for candidate in choice.candidates] == pytest.approx([0.9, 0.8])
    assert choice.candidates[1].genotype == genotype


def test_finals_are_read_with_their_finalists(run_path):
    run, genotype = FakeRun(run_path), parse_genotype(DARTS_V2)
    assert read_facts(run_path).finalists is None
    run.compare_finalists([genotype, genotype], chosen=2)
    finalists = read_facts(run_path).finalists
    assert finalists.epochs == 3
    assert [finalist.validation_accuracy for finalist in finalists.finalists] == pytest.approx([0.79, 0.9])
    assert [(each.number, each.chosen, each.page) for each in finalists.finalists] == [
        (1, False, "finalists/1/report.html"),
        (2, True, "finalists/2/report.html"),
    ]
    assert finalists.finalists[1].genotype == genotype


def test_one_run_has_a_wilson_interval_and_no_spread(finished_run):
    test = read_facts(finished_run).test
    assert test.std is None
    assert test.interval == wilson_interval(test.accuracy, 200)


def test_several_runs_have_a_spread_and_no_interval(run_path):
    run = FakeRun(run_path)
    run.evaluate(runs=3)
    test = read_facts(run_path).test
    assert test.interval is None
    assert test.std == pytest.approx(0.01 * (2 / 3) ** 0.5)
    assert [score.seed for score in test.runs] == [7, 8, 9]


def test_recall_and_precision_agree_with_the_predictions(finished_run):
    test = read_facts(finished_run).test
    with np.load(finished_run / "predictions.npz") as saved:
        labels, predicted = saved["labels"], saved["predicted"]
    for number, entry in enumerate(test.classes):
        assert entry.recall == pytest.approx((predicted == number)[labels == number].mean())
        assert entry.precision == pytest.approx((labels == number)[predicted == number].mean())
    assert sum(entry.correct for entry in test.classes) / test.images == pytest.approx(test.accuracy)


def test_wrong_examples_come_most_confident_first_and_differ_from_their_class(finished_run):
    facts = read_facts(finished_run)
    confidences = [example.confidence for example in facts.wrong]
    assert (len(facts.correct), len(facts.wrong)) == (12, 12)
    assert confidences == sorted(confidences, reverse=True)
    assert all(example.true != example.predicted for example in facts.wrong)
    assert all(example.true == example.predicted for example in facts.correct)


def test_gates_are_told_by_edge_and_operation_and_the_kept_one_is_named(run_path):
    FakeRun(run_path).search(parse_genotype(DARTS_V2))
    events = [json.loads(line) for line in (run_path / "events.jsonl").read_text().splitlines()]
    gates = {entry.kind: entry for entry in read_facts(run_path).search.gates}
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
    assert read_facts(run_path).search.gates[0].epochs == (2, 3, 4, 5)


def test_the_epoch_from_which_the_genotype_stays_is_found(finished_run):
    assert read_facts(finished_run).search.settled == 3


def test_a_warm_up_without_alpha_step_leaves_a_gap(finished_run):
    losses = read_facts(finished_run).search.alpha_loss
    assert losses[0] is None
    assert None not in losses[1:]


def test_a_search_alone_misses_training_test_and_pictures(run_path):
    FakeRun(run_path).search(parse_genotype(NAS_BENCH_201))
    facts = read_facts(run_path)
    assert facts.search is not None
    assert set(facts.missing) == {"training", "test", "examples"}
    assert facts.seconds == (("search", 300.0),)
    assert facts.method == "darts"


def test_a_training_alone_misses_the_search(run_path):
    FakeRun(run_path).train(runs=2)
    facts = read_facts(run_path)
    assert [run.run for run in facts.training] == [0, 1]
    assert facts.title == "run: an architecture in darts"
    assert set(facts.missing) == {"genotype", "search", "test", "examples"}


def test_an_event_cut_short_by_a_kill_is_ignored(finished_run):
    with (finished_run / "events.jsonl").open("a") as stream:
        stream.write('{"event": "epoch", "pha')
    assert len(read_facts(finished_run).search.epochs) == 5


def test_a_missing_folder_and_a_foreign_one_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"there is no folder .*nowhere"):
        read_facts(tmp_path / "nowhere")
    (tmp_path / "holiday.txt").touch()
    with pytest.raises(RunDirectoryError, match="is no run directory of dartboard"):
        read_facts(tmp_path)


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
        read_facts(finished_run)


def test_a_search_that_went_back_tells_its_epochs_once_and_the_time_of_all(run_path):
    run = FakeRun(run_path, epochs=3)
    run.directory.events.append(Rollback(before=3, epoch=1, reason="it was better there", seconds=120.0))
    run.search(parse_genotype(NAS_BENCH_201))
    search = read_facts(run_path).search
    assert search.epochs == (1, 2, 3)
    assert search.seconds == 3 * 60 + 120


def test_a_cell_whose_nodes_have_left_keeps_the_numbers_of_its_edges_and_names_all_that_an_edge_keeps():
    cell = CellGenotype((Choice(3, 0, "none"), Choice(4, 1, "skip_connect"), Choice(4, 1, "none")), (3, 4))
    gates = {"normal": [[0.5, 0.5]] * 14}
    epoch = {"event": "epoch", "phase": "search", "epoch": 1, "seconds": 1.0, "gates": gates}
    facts = read_search([epoch | {"operations": ["none", "skip_connect"]}], Genotype("darts", (("normal", cell),)))
    assert facts is not None
    edges = facts.gates[0].edges
    assert [edge.label for edge in edges[:6]] == ["0 → 2", "1 → 2", "0 → 3", "1 → 3", "2 → 3", "0 → 4"]
    assert {edge.label: edge.kept for edge in edges if edge.kept} == {
        "0 → 3": ("none",),
        "1 → 4": ("skip_connect", "none"),
    }
    assert "skip_connect, none" in draw_gates(facts.gates[0])
