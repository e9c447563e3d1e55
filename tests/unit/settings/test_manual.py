"""The list of all settings says what the settings are."""

import pytest

from dartboard.config import nest
from dartboard.errors import SettingsError, UnknownNameError
from dartboard.settings import PRESETS, RunSettings, describe_settings, resolve_settings


def value(settings: object, name: str) -> object:
    for part in name.split("."):
        settings = getattr(settings, part)
    return settings


def test_defaults_are_those_of_the_settings_and_everything_is_explained() -> None:
    entries = describe_settings()
    defaults = RunSettings()
    for entry in entries:
        found = value(defaults, entry["name"])
        assert entry["default"] == (list(found) if isinstance(found, tuple) else found)
        assert entry["meaning"].endswith("."), f"{entry['name']} is not explained"
        assert "any value" not in entry["type"]
    assert len({entry["name"] for entry in entries}) == len(entries)
    assert RunSettings.model_validate(nest({entry["name"]: entry["default"] for entry in entries})) == defaults


@pytest.mark.parametrize("preset", [entry.name for entry in PRESETS])
def test_what_a_preset_sets_is_what_a_run_with_it_has(preset: str) -> None:
    resolved = resolve_settings({"preset": preset})
    told = {entry["name"]: entry["preset"] for entry in describe_settings(preset=preset) if "preset" in entry}
    assert told
    for name, wanted in told.items():
        assert value(resolved, name) == wanted, name


def test_types_are_told_in_words() -> None:
    types = {entry["name"]: entry["type"] for entry in describe_settings()}
    assert types["data.image_size"] == "integer (8 or more, at most 1024) or null"
    assert types["train.keep"] == '"last" or "best"'
    assert types["search.momentum"] == "number (0 or more, below 1)"
    assert types["baselines"] == "true or false"
    assert types["seeds"] == "list of integer (0 or more) or null"


def test_a_beginning_finds_all_names_that_have_it_and_others_are_refused() -> None:
    assert {entry["name"].rpartition(".")[0] for entry in describe_settings("train.augment")} == {"train.augment"}
    assert [entry["name"] for entry in describe_settings("seed")] == ["seed", "seeds"]
    with pytest.raises(SettingsError, match=r"no setting 'train\.epoch5'; did you mean 'train\.epochs'"):
        describe_settings("train.epoch5")
    with pytest.raises(SettingsError, match="dartboard settings lists all of them"):
        describe_settings("wxyz")
    with pytest.raises(UnknownNameError, match="no preset 'quik'"):
        describe_settings(preset="quik")
