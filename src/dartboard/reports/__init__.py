"""Reports of run directories: facts, figures, rows for the terminal, and an HTML page; they need only files."""

from dartboard.reports import sections
from dartboard.reports.analysis_section import AnalysisSection
from dartboard.reports.comparison import write_comparison
from dartboard.reports.comparison_figures import PaperFigure, write_figures
from dartboard.reports.drawings.cell_diagram import draw_cell
from dartboard.reports.drawings.genotypes import draw_genotype
from dartboard.reports.method_table import MethodTable, tabulate, tabulate_schedules
from dartboard.reports.page import read_facts, render_page, write_report
from dartboard.reports.pareto import told_cost, write_pareto
from dartboard.reports.readme import write_readme
from dartboard.reports.rows import result_html, result_rows
from dartboard.reports.section import SECTIONS, Section, section
from dartboard.reports.statistics_tables import further_tables, tabulate_pairs, tabulate_published
from dartboard.reports.study import study_tables, write_study
from dartboard.reports.table_notes import what_counts

__all__ = [
    "SECTIONS",
    "AnalysisSection",
    "MethodTable",
    "PaperFigure",
    "Section",
    "draw_cell",
    "draw_genotype",
    "further_tables",
    "read_facts",
    "render_page",
    "result_html",
    "result_rows",
    "section",
    "sections",
    "study_tables",
    "tabulate",
    "tabulate_pairs",
    "tabulate_published",
    "tabulate_schedules",
    "told_cost",
    "what_counts",
    "write_comparison",
    "write_figures",
    "write_pareto",
    "write_readme",
    "write_report",
    "write_study",
]
