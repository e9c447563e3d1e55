"""Reports of run directories: facts, figures, rows for the terminal, and an HTML page; they need only files."""

from dartboard.reports import sections
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.comparison import write_comparison
from dartboard.reports.drawings.cell_diagram import draw_cell
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.method_table import MethodTable, tabulate, tabulate_schedules
from dartboard.reports.page import read_facts, render_page, write_report
from dartboard.reports.readme import write_readme
from dartboard.reports.rows import result_html, result_rows
from dartboard.reports.section import SECTIONS, Section, section
from dartboard.reports.study import study_tables, write_study

__all__ = [
    "SECTIONS",
    "AnalysisSection",
    "MethodTable",
    "Section",
    "draw_cell",
    "draw_genotype",
    "read_facts",
    "render_page",
    "result_html",
    "result_rows",
    "section",
    "sections",
    "study_tables",
    "tabulate",
    "tabulate_schedules",
    "write_comparison",
    "write_readme",
    "write_report",
    "write_study",
]
