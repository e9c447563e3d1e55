"""How good a genotype is, without training it."""

from dartboard.estimate.tabular import ArchitectureTable, find_table

__all__ = ["ArchitectureTable", "find_table"]
