"""How the steps of a run are joined: settings, session, steps and the result."""

from dartboard.pipeline.allotting import FOUND, allot_trainings
from dartboard.pipeline.analysing import analyse_search, analysis_directory, analysis_settings, plan_analysis
from dartboard.pipeline.announcing import announce
from dartboard.pipeline.architecture import read_genotype
from dartboard.pipeline.catalogue import describe_methods, describe_spaces
from dartboard.pipeline.choosing import check_choice, choose_genotype, describe_choice
from dartboard.pipeline.comparing import ComparisonPlan, ComparisonRecord, plan_comparison
from dartboard.pipeline.comparison import Comparison
from dartboard.pipeline.finals import check_finals, hold_finals
from dartboard.pipeline.given import Data, given_arrays, recorded_source
from dartboard.pipeline.opening import open_request
from dartboard.pipeline.plan import Plan, describe_plan
from dartboard.pipeline.plans import Step, check_sizes, search_length, train_epochs
from dartboard.pipeline.predicting import export_network, predict_images, predict_with
from dartboard.pipeline.presets import AUTO, PRESETS
from dartboard.pipeline.requests import Request, search_request, stored_request, train_request
from dartboard.pipeline.reselecting import reselect_genotype, reselection_directory, reselection_settings
from dartboard.pipeline.result import AnalysisFacts, ChoiceFacts, FinalsFacts, ReselectionFacts, Result, Yardstick
from dartboard.pipeline.searching import check_method, describe_search, search_genotype
from dartboard.pipeline.session import Session, device_name, find_device, open_session
from dartboard.pipeline.settings import DEFAULT_RULE, Decision, RunSettings, resolve_settings
from dartboard.pipeline.steps import evaluate_networks, finished_result, summarize, train_networks
from dartboard.pipeline.yardsticks import compare_yardsticks

__all__ = [
    "AUTO",
    "DEFAULT_RULE",
    "FOUND",
    "PRESETS",
    "AnalysisFacts",
    "ChoiceFacts",
    "Comparison",
    "ComparisonPlan",
    "ComparisonRecord",
    "Data",
    "Decision",
    "FinalsFacts",
    "Plan",
    "Request",
    "ReselectionFacts",
    "Result",
    "RunSettings",
    "Session",
    "Step",
    "Yardstick",
    "allot_trainings",
    "analyse_search",
    "analysis_directory",
    "analysis_settings",
    "announce",
    "check_choice",
    "check_finals",
    "check_method",
    "check_sizes",
    "choose_genotype",
    "compare_yardsticks",
    "describe_choice",
    "describe_methods",
    "describe_plan",
    "describe_search",
    "describe_spaces",
    "device_name",
    "evaluate_networks",
    "export_network",
    "find_device",
    "finished_result",
    "given_arrays",
    "hold_finals",
    "open_request",
    "open_session",
    "plan_analysis",
    "plan_comparison",
    "predict_images",
    "predict_with",
    "read_genotype",
    "recorded_source",
    "reselect_genotype",
    "reselection_directory",
    "reselection_settings",
    "resolve_settings",
    "search_genotype",
    "search_length",
    "search_request",
    "stored_request",
    "summarize",
    "train_epochs",
    "train_networks",
    "train_request",
]
