"""Settings of limits: numbers as people write them, and the setting that they replace."""

import pytest

from dartboard.errors import SettingsError
from dartboard.settings import resolve_settings
from dartboard.settings.migration import migrate


@pytest.mark.parametrize(
    ("text", "value"), [("1M", 10**6), ("300k", 300_000), ("1.5G", 1_500_000_000), ("1_000", 1000), ("1e6", 10**6)]
)
def test_counts_are_read_as_people_write_them(text: str, value: int) -> None:
    limits = resolve_settings({"limits.params": text, "limits.macs": text}).limits
    assert limits.given == {"params": value, "macs": value}


@pytest.mark.parametrize("text", ["5ms", "0.005s", "5000us", 0.005])
def test_latencies_are_read_as_people_write_them(text: object) -> None:
    assert resolve_settings({"limits.latency": text}).limits.latency == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("params", "1X", "'X' is no unit of a number; the units are k, M and G"),
        ("macs", "-5M", "greater than 0"),
        ("macs", 0, "greater than 0"),
        ("macs", "many", "a number with a unit"),
        ("latency", "5", "a latency needs a unit; the units are us, ms and s"),
        ("latency", "5min", "'min' is no unit of a latency"),
        ("latency", "-5ms", "greater than 0"),
    ],
)
def test_what_is_no_limit_is_refused(setting: str, value: object, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        resolve_settings({f"limits.{setting}": value})


@pytest.mark.parametrize(
    "layer",
    [
        {"train.max_multiply_adds": 10**6},
        {"train": {"max_multiply_adds": 10**6, "epochs": 3}},
        {"train.max_multiply_adds": 10**6, "limits": {"params": "1M"}},
    ],
)
def test_the_earlier_limit_of_multiply_adds_has_become_one_of_the_limits(layer: dict[str, object]) -> None:
    limits = resolve_settings(layer).limits
    assert (limits.macs, limits.width) == (10**6, "widest")


def test_an_earlier_run_without_that_limit_has_none() -> None:
    assert migrate({"train": {"max_multiply_adds": None, "epochs": 3}}) == {"train": {"epochs": 3}}
