"""The script that sorts the tables of a page by a click on a heading; without it they are as they were written."""

import base64
import hashlib

__all__ = ["SORTING", "script_hash"]

SORTING = """
const units = { ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, k: 1e3, M: 1e6, G: 1e9 };
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => (row.cells[place] || row.cells[0]).textContent.trim();
      const size = (text) => {
        const plain = text.replace(/\\u2212/g, "-").replace(/[,\\u202f]/g, "");
        if (!/^(under )?[+-]?[0-9]/.test(plain)) return NaN;
        const parts = [...plain.matchAll(/([+-]?[0-9.]+)\\s*(ms|min|[shdkMG])?(?![a-z])/g)];
        const scaled = parts.map(([, number, unit]) => parseFloat(number) * (unit ? units[unit] : 1));
        const lasts = parts.every(([, , unit]) => unit && "ms min h d".split(" ").includes(unit) || unit === "s");
        return lasts ? scaled.reduce((sum, each) => sum + each, 0) : scaled[0];
      };
      const rows = [...body.rows].map((row) => [key(row), row]);
      const known = rows.map(([text]) => size(text)).filter((value) => !Number.isNaN(value));
      const numbers = known.length > 0 && known.length >= rows.filter(([text]) => text !== "\\u2013").length / 2;
      rows.sort(([one], [other]) => {
        if (!numbers) return one.localeCompare(other);
        const [first, second] = [size(one), size(other)];
        if (Number.isNaN(first) || Number.isNaN(second)) return Number.isNaN(first) - Number.isNaN(second);
        return first - second;
      });
      if (down) rows.reverse();
      body.append(...rows.map(([, row]) => row));
    });
  });
}
"""
"""Every heading becomes a button. Figures are compared as numbers, times in seconds; a second click turns it round."""


def script_hash(script: str) -> str:
    """The source of a script for a Content-Security-Policy, which lets that script run and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
