"""Studies: grids of trials, each an ordinary run, with one table and one report for all of them."""

from dartboard.workflow.studies.trial import Task, Trial, run_trial

__all__ = ["Task", "Trial", "run_trial"]
