"""The work of a verb beyond the steps of a single run, such as comparisons, plans and runs inside a run."""

from dartboard.workflow.analyse import analyse_search, analysis_directory, analysis_settings, plan_analysis
from dartboard.workflow.baselines import compare_baselines
from dartboard.workflow.child import command_to_repeat, finish_run
from dartboard.workflow.compare import ComparisonPlan, ComparisonRecord, grown, plan_comparison, recorded_space
from dartboard.workflow.contest import hold_contest
from dartboard.workflow.evaluate import CLASS_HEADINGS, ClassScore, Evaluation, evaluate_run
from dartboard.workflow.examination import EXTRAS, Examination, examine
from dartboard.workflow.finalists import check_finalists, compare_finalists
from dartboard.workflow.judging import statistics_of_grid, with_statistics
from dartboard.workflow.listing import list_registered
from dartboard.workflow.open import open_request
from dartboard.workflow.overview import OVERVIEW_HEADINGS, SORT_KEYS, RunOverview, runs_in
from dartboard.workflow.plan import Plan, announce, describe_plan
from dartboard.workflow.predict import export_network, predict_images, predict_with
from dartboard.workflow.proxy_scores import ArchitectureScore, ProxyScores, ScoreRequest, score_architectures
from dartboard.workflow.seeds import check_choice, choose_genotype
from dartboard.workflow.select import reselect_genotype, reselection_directory, reselection_settings
from dartboard.workflow.sweep import Sweep, parse_sweep, point_of
from dartboard.workflow.table_query import TableQuery, query_tables
from dartboard.workflow.trained_model import TrainedModel, load_run

__all__ = [
    "CLASS_HEADINGS",
    "EXTRAS",
    "OVERVIEW_HEADINGS",
    "SORT_KEYS",
    "ArchitectureScore",
    "ClassScore",
    "ComparisonPlan",
    "ComparisonRecord",
    "Evaluation",
    "Examination",
    "Plan",
    "ProxyScores",
    "RunOverview",
    "ScoreRequest",
    "Sweep",
    "TableQuery",
    "TrainedModel",
    "analyse_search",
    "analysis_directory",
    "analysis_settings",
    "announce",
    "check_choice",
    "check_finalists",
    "choose_genotype",
    "command_to_repeat",
    "compare_baselines",
    "compare_finalists",
    "describe_plan",
    "evaluate_run",
    "examine",
    "export_network",
    "finish_run",
    "grown",
    "hold_contest",
    "list_registered",
    "load_run",
    "open_request",
    "parse_sweep",
    "plan_analysis",
    "plan_comparison",
    "point_of",
    "predict_images",
    "predict_with",
    "query_tables",
    "recorded_space",
    "reselect_genotype",
    "reselection_directory",
    "reselection_settings",
    "runs_in",
    "score_architectures",
    "statistics_of_grid",
    "with_statistics",
]
