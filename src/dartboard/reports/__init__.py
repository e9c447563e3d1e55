"""Run directories to facts, figures and one page; needs files only, nothing that lives."""

from dartboard.reports.cell_diagram import draw_cell
from dartboard.reports.comparison import COMPARISON_FILE, MethodTable, tabulate, write_comparison
from dartboard.reports.facts import Facts
from dartboard.reports.notebook import result_html
from dartboard.reports.page import draw_genotype, write_report
from dartboard.reports.reader import read_facts

__all__ = [
    "COMPARISON_FILE",
    "Facts",
    "MethodTable",
    "draw_cell",
    "draw_genotype",
    "read_facts",
    "result_html",
    "tabulate",
    "write_comparison",
    "write_report",
]
