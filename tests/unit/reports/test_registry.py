"""A section that another package registers, and an analysis with a section of its own, show everywhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from pydantic import BaseModel

from dartboard.cli.output import print_result
from dartboard.engine.finished.analyses import ANALYSES, analysis
from dartboard.errors import DartboardWarning
from dartboard.records import AnalysisRecord, Result, RunRecords
from dartboard.reports import SECTIONS, AnalysisSection, Section, section, write_report
from dartboard.reports.section import sections_in_order
from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun


class Depth(BaseModel):
    """What the analysis below finds."""

    deepest: int


@pytest.fixture(autouse=True)
def _own() -> Iterator[None]:
    """Registers all of them, and forgets them afterwards."""

    @section("weather")
    class WeatherSection(Section[dict[str, float]]):
        """How warm it was during the run."""

        order = 950
        title = "Weather"

        def read(self, run: RunRecords) -> dict[str, float] | None:
            return {"degrees": 21.5} if run.result else None

        def html(self, told: dict[str, float]) -> Markup:
            return Markup("<p>It was {} degrees <b>warm</b>.</p>").format(told["degrees"])

        def lines(self, told: dict[str, float]) -> dict[str, str]:
            return {"weather": f"{told['degrees']} degrees"}

    @analysis("depth", paper="none")
    def depth() -> Any:
        """Finds the longest way through the cell."""
        raise AssertionError("no test runs it")

    @section("depth")
    class DepthSection(AnalysisSection[Depth]):
        """The longest way through the cell."""

        analysis = "depth"
        findings = Depth
        title = "Depth of the cell"

        def html(self, told: Depth) -> Markup:
            return Markup("<p>{} operations follow one another.</p>").format(told.deepest)

        def lines(self, told: Depth) -> dict[str, str]:
            return {"depth": f"{told.deepest} operations"}

    yield
    SECTIONS.remove("weather")
    SECTIONS.remove("depth")
    ANALYSES.remove("depth")


def result_of(run: Path, **changes: Any) -> Result:
    result = Result.read(run).model_copy(update=changes)
    result.write(run)
    return result


def test_a_section_of_ones_own_is_in_page_terminal_notebook_and_facts(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = write_report(finished_run).read_text()
    assert "<h2>Weather</h2>\n<p>It was 21.5 degrees <b>warm</b>.</p>" in page
    assert page.index("<h2>Cost</h2>") < page.index("<h2>Weather</h2>") < page.index("<h2>How to repeat this run</h2>")
    assert json.loads((finished_run / "facts.json").read_text())["weather"] == {"degrees": 21.5}
    result = Result.read(finished_run)
    print_result(result, as_json=False)
    assert "weather              21.5 degrees\n" in capsys.readouterr().out
    assert "21.5 degrees" in result._repr_html_()


def test_an_analysis_of_ones_own_brings_its_section(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = AnalysisRecord(name="depth", run="runs/flowers", findings={"deepest": 4})
    record.write(finished_run)
    result = result_of(finished_run, analysis=record)
    page = write_report(finished_run).read_text()
    assert "<h2>Depth of the cell</h2>\n<p>4 operations follow one another.</p>" in page
    assert "Analysis: depth" not in page
    assert json.loads((finished_run / "facts.json").read_text())["depth"] == {"deepest": 4}
    print_result(result, as_json=False)
    shown = capsys.readouterr().out
    assert "depth          4 operations\n" in shown
    assert "test accuracy" not in shown
    assert "4 operations" in result._repr_html_()


@pytest.mark.parametrize("part", ["read", "html", "lines"])
def test_a_section_of_ones_own_that_fails_is_named_in_a_warning_and_left_out(finished_run: Path, part: str) -> None:
    def fail(*_: object) -> Any:
        raise KeyError("degrees")

    broken = type("Broken", (Section,), {"read": lambda *_: {}, "html": lambda *_: Markup("wind"), part: fail})
    section("broken")(broken)
    result = Result.read(finished_run)
    try:
        with pytest.warns(
            DartboardWarning, match=r"section 'broken' \(.*Broken\) failed with KeyError: 'degrees'; it is left out"
        ):
            print_result(result, as_json=False) if part == "lines" else write_report(finished_run)
    finally:
        SECTIONS.remove("broken")
    if part != "lines":
        page = (finished_run / "report.html").read_text()
        assert "<h2>Weather</h2>" in page
        assert "wind" not in page


def test_facts_of_ones_own_that_are_no_plain_data_are_left_out(finished_run: Path) -> None:
    section("broken")(type("Broken", (Section,), {"read": lambda *_: {"share": 1j}}))
    try:
        with pytest.warns(DartboardWarning, match="section 'broken'"):
            write_report(finished_run)
    finally:
        SECTIONS.remove("broken")
    assert "broken" not in json.loads((finished_run / "facts.json").read_text())


def test_a_section_without_a_title_continues_the_one_above(run_path: Path) -> None:
    @section("remark")
    class RemarkSection(Section[str]):
        """Stands below the architecture."""

        order = 210

        def read(self, run: RunRecords) -> str:
            return run.path.name

        def html(self, told: str) -> Markup:
            return Markup("<p>a remark on {}</p>").format(told)

    FakeRun(run_path, epochs=1).search(parse_genotype(NAS_BENCH_201))
    try:
        page = write_report(run_path).read_text()
    finally:
        SECTIONS.remove("remark")
    architecture = page.partition("<h2>Architecture</h2>")[2].partition("<h2>")[0]
    assert "<p>a remark on run</p>" in architecture


def test_every_section_says_what_it_is_and_has_a_place_of_its_own() -> None:
    made = sections_in_order()
    assert [entry.name for entry in SECTIONS if not entry.summary] == []
    shared = [each.order for each in made.values() if not isinstance(each, AnalysisSection)]
    assert len(shared) == len(set(shared))
    assert next(iter(made)) == "summary"
