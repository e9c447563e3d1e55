"""A run inside a run: what is done once, what is gone on with, and what its directory holds."""

import json
from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RunDirectoryError
from dartboard.session import Session, evaluate_networks, search_genotype, train_networks
from dartboard.settings import read_genotype
from dartboard.workflow.child import run_child

from .tiny import Listener, open_tiny

CELL = "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


class Work:
    """Trains a network, and counts how often it was asked to."""

    def __init__(self, *, tests: bool = False) -> None:
        self.times, self._tests = 0, tests

    def __call__(self, child: Session) -> None:
        self.times += 1
        networks = train_networks(child, read_genotype(child.run.path))
        if self._tests:
            evaluate_networks(child, networks)


def changes(**own: object) -> dict[str, object]:
    return {"genotype": read_genotype(CELL).to_json(), **own}


def test_a_child_has_a_summary_a_report_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    listener = Listener()
    with open_tiny(tmp_path, observer=listener) as session:
        child = run_child(session, "inside/one", changes(), Work(), task="One is trained.")
    folder = tmp_path / "inside" / "one"
    assert child.run.path == folder
    assert listener.notes == ["One is trained."]
    assert (folder / "report.html").is_file()
    assert json.loads((folder / "result.json").read_text()) == child.result.to_json()
    assert child.result.command == f"dartboard train --genotype {folder} --config {folder / 'settings.json'}"
    assert child.validation_accuracy("accuracy") == child.result.validation_accuracy
    assert child.validation_accuracy("balanced-accuracy") == child.result.validation_balanced_accuracy


def test_a_child_that_searches_is_repeated_by_a_search_and_chooses_among_nothing(tmp_path: Path) -> None:
    with open_tiny(tmp_path, {"seeds": 2, "finalists": 3}) as session:
        child = run_child(session, "seed", {"seed": 7}, search_genotype, task="")
    settings = json.loads((child.run.path / "settings.json").read_text())
    assert (settings["seed"], settings["seeds"], settings["finalists"]) == (7, None, 1)
    assert child.result.command == f"dartboard search --config {child.run.path / 'settings.json'}"


def test_a_child_that_has_ended_is_read_without_a_word(tmp_path: Path) -> None:
    work, listener = Work(), Listener()
    with open_tiny(tmp_path, observer=listener) as session:
        first, again = (run_child(session, "one", changes(), work, task="One is trained.") for _ in range(2))
    assert work.times == 1
    assert first.result == again.result
    assert listener.notes == ["One is trained."]


def test_a_child_without_the_test_that_belongs_to_it_has_not_ended(tmp_path: Path) -> None:
    with open_tiny(tmp_path) as session:
        run_child(session, "one", changes(), Work(), task="")
        work = Work(tests=True)
        child = run_child(session, "one", changes(), work, task="", tested=True)
    assert work.times == 1
    assert child.result.test_accuracy is not None


def test_a_child_with_other_settings_than_it_began_with_is_refused(tmp_path: Path) -> None:
    with open_tiny(tmp_path) as session:
        run_child(session, "one", changes(), Work(), task="")
        with pytest.raises(RunDirectoryError, match=r"began with other settings \(objective\)"):
            run_child(session, "one", changes(objective="balanced-accuracy"), Work(), task="")
