"""The report of a run directory: one HTML page with all sections, which needs no other file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dartboard.records import RunRecords
from dartboard.reports.section import plain, sections_in_order, working
from dartboard.reports.sections.summary import run_title
from dartboard.reports.templates import render
from dartboard.runs import write_json, write_text

__all__ = ["read_facts", "render_page", "write_report"]


def write_report(path: Path) -> Path:
    """Write `report.html` and `facts.json` into a run directory, from the files in it; no lock is taken.

    Args:
        path: the run directory of a search, of a training, or of a whole run, finished or not.

    Returns:
        Path of `report.html`, a page that needs no other file and no network.

    Raises:
        RunDirectoryError: `path` is no run directory, one of its files is damaged, or the page cannot be written.
    """
    run = RunRecords(path)
    facts = read_facts(run)
    write_text(path / "report.html", render_page(run, facts))
    write_json(path / "facts.json", {name: plain(told) for name, told in facts.items()})
    return path / "report.html"


def read_facts(run: RunRecords) -> dict[str, Any]:
    """The facts of all sections that have any, by the name of the section.

    Raises:
        RunDirectoryError: a file of the run is damaged.
    """
    told = {}
    for name, section in sections_in_order().items():
        with working(name, section):
            read = section.read(run)
            json.dumps(plain(read))  # what is no plain data cannot be written into facts.json
            told[name] = read
    return {name: facts for name, facts in told.items() if facts is not None}


@dataclass
class _Part:
    """A headline, the name of its section, and the HTML of the sections below it."""

    headline: str
    name: str
    bodies: list[Markup] = field(default_factory=list)


def render_page(run: RunRecords, facts: Mapping[str, Any]) -> str:
    """The HTML page as text; the same files give the same text.

    Args:
        run: the run directory; sections without facts use it to say what is missing.
        facts: the facts by the name of their section.
    """
    parts = [_Part("", "top")]
    for name, section in sections_in_order().items():
        headline, body = "", Markup("")
        with working(name, section):
            if name in facts:
                headline, body = section.headline(facts[name]), section.html(facts[name])
            else:
                sentence = section.missing(run)
                missing = Markup('<p class="missing">{}</p>').format(sentence)
                headline, body = section.title, missing if sentence else Markup("")
        body = body if body.strip() else Markup("")
        if body and headline:
            parts.append(_Part(headline, name))
        if body:
            parts[-1].bodies.append(body)
    return render("report.html.j2", title=run_title(run), header=parts[0], parts=parts[1:])
