"""Settings files of runs that an earlier version made still mean what they meant."""

from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RunDirectoryError
from dartboard.runs import RunDirectory
from dartboard.settings import resolve_settings, search_request
from dartboard.settings.migration import RENAMED, migrate
from dartboard.settings.tree import RunSettings

OLD: dict[str, Any] = {
    "yardsticks": False,
    "decisions": [
        {"setting": "train.layers", "value": 2, "reason": "the largest that fits"},
        {"setting": "yardsticks", "value": False, "reason": "little time"},
    ],
}


def test_every_old_key_is_gone_and_every_new_one_is_a_setting() -> None:
    assert not set(RENAMED) & set(RunSettings.model_fields)
    assert set(RENAMED.values()) <= set(RunSettings.model_fields)


def test_old_settings_resolve_to_those_of_today() -> None:
    settings = resolve_settings({"space": "nas-bench-201", "preset": "quick", "method": "darts"}, OLD)
    assert settings.baselines is False  # the preset says true
    assert [choice.setting for choice in settings.automatic_choices] == ["train.layers", "baselines"]
    assert settings.train.layers == 2


def test_a_later_layer_wins_over_an_old_one() -> None:
    assert resolve_settings(OLD, {"baselines": True}).baselines is True


def test_a_request_with_old_settings_leaves_nothing_open_and_knows_what_is_given() -> None:
    request = search_request(None, [OLD], ("search", "train"))
    assert not request.is_open
    assert "baselines" in request.given


def test_other_keys_are_left_as_they_are() -> None:
    layer = {"search.epochs": 3, "train": {"epochs": 2}, "unknown": 1}
    assert migrate(layer) == layer


def test_a_run_that_an_earlier_version_began_is_gone_on_with(tmp_path: Path) -> None:
    settings = {"seed": 3, "baselines": False, "automatic_choices": []}
    with RunDirectory(tmp_path / "run") as run:
        run.claim({"seed": 3, "yardsticks": False, "decisions": []})
        run.check(settings, resume=True, migrate=migrate)
        with pytest.raises(RunDirectoryError, match=r"began with other settings \(baselines\)"):
            run.check({**settings, "baselines": True}, resume=True, migrate=migrate)
