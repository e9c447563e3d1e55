"""Estimates of the accuracy of a genotype without training it."""

from dartboard.estimate.schedules import (
    TABLE_SPACE,
    Agreement,
    TableEntry,
    TableFigures,
    agreements,
    column_in_words,
    look_up,
)
from dartboard.estimate.tabular import SCHEDULES, ArchitectureTable, find_table, find_tables

__all__ = [
    "SCHEDULES",
    "TABLE_SPACE",
    "Agreement",
    "ArchitectureTable",
    "TableEntry",
    "TableFigures",
    "agreements",
    "column_in_words",
    "find_table",
    "find_tables",
    "look_up",
]
