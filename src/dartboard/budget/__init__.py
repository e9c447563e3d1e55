"""Turns a budget in seconds into network sizes and numbers of epochs and steps."""

from dartboard.budget.allowances import allot_trainings
from dartboard.budget.expectation import expected_seconds, is_short

__all__ = ["allot_trainings", "expected_seconds", "is_short"]
