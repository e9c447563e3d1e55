"""Turns a budget in seconds into network sizes and numbers of epochs and steps."""

from dartboard.budget.allowances import allot_trainings

__all__ = ["allot_trainings"]
