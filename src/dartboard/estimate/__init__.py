"""Estimates of the accuracy of a genotype without training it."""

from dartboard.estimate.tabular import ArchitectureTable, find_table

__all__ = ["ArchitectureTable", "find_table"]
