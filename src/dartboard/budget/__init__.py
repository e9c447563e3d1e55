"""Seconds become sizes and lengths."""

from dartboard.budget.allowances import FOUND, allot_trainings

__all__ = ["FOUND", "allot_trainings"]
