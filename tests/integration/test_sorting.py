"""A browser sorts the tables of a comparison by a click on a heading, with the policy of the page in force."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from dartboard.reports.sorting import SORTING, script_hash

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

PROBE = """
const table = document.querySelector("table");
const read = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
const seen = {};
for (const head of table.querySelectorAll("th")) {
  const button = head.querySelector("button");
  for (const way of ["up", "down"]) {
    button.click();
    seen[head.textContent + " " + way] = [read().join(" "), head.getAttribute("aria-sort")];
  }
}
document.body.setAttribute("data-seen", JSON.stringify(seen));
"""

ROWS = {
    "name": ("darts", "p-darts", "random", "att-darts"),
    "accuracy": ("9.50 \u00b1 0.10", "10.25", "\u2013", "8.00"),
    "difference": ("\u22121.20", "+0.30", "\u2013", "\u22120.50"),
    "time": ("1 min 15 s", "59 s", "2 h 1 min", "1 d"),
    "parameters": ("3.35 M", "950 k", "10.1 k", "12"),
    "p": ("0.25", "under 0.0001", "1.00", "0.031"),
}


@pytest.mark.skipif(BROWSER is None, reason="no browser was found")
def test_a_click_sorts_figures_as_numbers_and_a_second_one_turns_them_round(tmp_path: Path) -> None:
    body = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in zip(*ROWS.values(), strict=True)
    )
    head = "".join(f"<th>{name}</th>" for name in ROWS)
    policy = f"default-src 'none'; script-src '{script_hash(SORTING)}' '{script_hash(PROBE)}'"
    page = tmp_path / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}"><body>'
        f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        f"<script>{SORTING}</script><script>{PROBE}</script></body>",
        encoding="utf-8",
    )
    shown = subprocess.run(
        [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    ).stdout
    match = re.search(r'data-seen="(.*?)"', shown, flags=re.DOTALL)
    assert match, "the policy of the page stopped the script"
    seen = json.loads(unescape(match[1]))
    assert seen["name up"] == ["att-darts darts p-darts random", "ascending"]
    assert seen["accuracy up"] == ["att-darts darts p-darts random", "ascending"]
    assert seen["difference up"][0] == "darts att-darts p-darts random"
    assert seen["time up"][0] == "p-darts darts random att-darts"
    assert seen["parameters up"][0] == "att-darts random p-darts darts"
    assert seen["p up"][0] == "p-darts att-darts darts random"
    assert seen["parameters down"] == ["darts p-darts random att-darts", "descending"]
