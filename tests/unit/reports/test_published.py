from pathlib import Path

from dartboard.engine.rates import AlphaRate
from dartboard.records import Beginning, RunRecords
from dartboard.reports.sections.published import PublishedSection
from dartboard.settings.replaced import ReplacedSetting

RATE = AlphaRate(rate=0.012, steps=500, published=3e-4, published_steps=19_550)
LOCAL = AlphaRate(rate=0.1, steps=500, published=0.1, published_steps=None)
REPLACED = ReplacedSetting(setting="search.layers", published=20, value=3, by="the preset quick")


def page(folder: Path, **told: object) -> str:
    (folder / "events.jsonl").touch()
    Beginning(device="cpu", steps=("search",), command="dartboard search", **told).write(folder)  # type: ignore[arg-type]
    section = PublishedSection()
    facts = section.read(RunRecords(folder))
    return "" if facts is None else " ".join(str(section.html(facts)).split())


def test_the_report_tells_rate_steps_and_what_was_published(tmp_path: Path) -> None:
    shown = page(tmp_path, alpha_rates=(RATE,))
    assert "The learning rate of alpha is 0.012 for 500 steps; published is 0.0003 for 19550 steps." in shown
    assert "replaced" not in shown


def test_every_stage_has_its_rate_and_one_that_does_not_depend_on_the_length_says_so(tmp_path: Path) -> None:
    shown = page(tmp_path, alpha_rates=(RATE, LOCAL))
    assert "The learning rate of alpha in stage 1 is 0.012" in shown
    assert "The learning rate of alpha in stage 2 is 0.1 for 500 steps, as published." in shown


def test_the_report_names_what_was_replaced_and_by_what(tmp_path: Path) -> None:
    shown = page(tmp_path, replaced=(REPLACED,))
    assert "search.layers" in shown
    assert "in place of 20, by the preset quick" in shown


def test_a_run_that_recorded_nothing_of_the_kind_has_no_such_section(tmp_path: Path) -> None:
    assert page(tmp_path) == ""
    assert PublishedSection().read(RunRecords(tmp_path)) is None
