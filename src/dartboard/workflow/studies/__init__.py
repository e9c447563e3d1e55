"""Studies: grids of trials, each an ordinary run, with one table and one report for all of them."""

from dartboard.workflow.studies.directory import begin_study, going_on
from dartboard.workflow.studies.expansion import expand
from dartboard.workflow.studies.forecast import StudyPlan, plan_study
from dartboard.workflow.studies.gathering import StudyTable, read_result
from dartboard.workflow.studies.grid import Grid, StudyRequest, read_seeds, read_varied, request
from dartboard.workflow.studies.protocols import READY_STUDIES, ready_study
from dartboard.workflow.studies.trial import Task, Trial, run_trial

__all__ = [
    "READY_STUDIES",
    "Grid",
    "StudyPlan",
    "StudyRequest",
    "StudyTable",
    "Task",
    "Trial",
    "begin_study",
    "expand",
    "going_on",
    "plan_study",
    "read_result",
    "read_seeds",
    "read_varied",
    "ready_study",
    "request",
    "run_trial",
]
