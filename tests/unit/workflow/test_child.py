"""A run inside a run: what is done once, what is gone on with, and what its directory holds."""

import json
from collections.abc import Callable, Collection
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dartboard import api
from dartboard.errors import NonFiniteLossError, RunDirectoryError
from dartboard.records import Baselines, Finalists, SeedChoiceRecord
from dartboard.session import Session, evaluate_networks, search_genotype, train_networks
from dartboard.settings import read_genotype
from dartboard.workflow import baselines, finalists, seeds
from dartboard.workflow.child import attempt, run_child

from .tiny import TINY, Listener, open_tiny

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


def failing() -> str:
    raise NonFiniteLossError("the loss is nan.")


def test_what_fails_is_left_out_and_told_unless_all_of_it_was_needed() -> None:
    listener = Listener()
    works = {"The first": lambda: "a", "The second": failing, "The third": lambda: "c"}
    made, failed = attempt(listener, works)
    assert made == {"The first": "a", "The third": "c"}
    assert failed == ("The second failed: the loss is nan.",)
    assert listener.notes == ["The second failed: the loss is nan. It is left out."]
    with pytest.raises(NonFiniteLossError):
        attempt(listener, {"The only one": failing})
    assert attempt(listener, {"This one": failing}, needed=False) == ({}, ("This one failed: the loss is nan.",))


@pytest.mark.parametrize(
    ("layer", "module", "name", "read"),
    [
        ({"seeds": 3}, seeds, "search_genotype", lambda run: SeedChoiceRecord.read(run).candidates),
        ({"finalists": 3}, finalists, "train_networks", lambda run: Finalists.read(run).finalists),
        ({"baselines": True}, baselines, "train_networks", lambda run: Baselines.read(run).networks),
    ],
    ids=["seeds", "finalists", "baselines"],
)
def test_a_run_goes_on_without_a_part_whose_numbers_overflow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    layer: dict[str, Any],
    module: ModuleType,
    name: str,
    read: Callable[[Path], Collection[Any]],
) -> None:
    """The second of three seeds, finalists or baselines fails."""
    calls, work = [0], getattr(module, name)

    def sometimes(*given: Any, **further: Any) -> Any:
        calls[0] += 1
        return failing() if calls[0] == 2 else work(*given, **further)

    monkeypatch.setattr(module, name, sometimes)
    result = api.run(None, TINY, layer, out=tmp_path / "run")
    assert result.test_accuracy is not None
    assert len(read(tmp_path / "run")) == 2
    page = (tmp_path / "run" / "report.html").read_text()
    assert "failed: the loss is nan." in page
