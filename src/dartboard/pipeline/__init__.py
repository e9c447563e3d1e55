"""How the steps of a run are joined: settings, session, steps and the result."""

from dartboard.pipeline.architecture import read_genotype
from dartboard.pipeline.given import Data, given_arrays, recorded_source
from dartboard.pipeline.plans import Step, check_sizes, search_length, train_epochs
from dartboard.pipeline.predicting import predict_images
from dartboard.pipeline.result import Result
from dartboard.pipeline.searching import check_method, describe_search, search_genotype
from dartboard.pipeline.session import Session, device_name, open_session
from dartboard.pipeline.settings import PRESETS, RunSettings, resolve_settings
from dartboard.pipeline.steps import evaluate_networks, finished_result, summarize, train_networks

__all__ = [
    "PRESETS",
    "Data",
    "Result",
    "RunSettings",
    "Session",
    "Step",
    "check_method",
    "check_sizes",
    "describe_search",
    "device_name",
    "evaluate_networks",
    "finished_result",
    "given_arrays",
    "open_session",
    "predict_images",
    "read_genotype",
    "recorded_source",
    "resolve_settings",
    "search_genotype",
    "search_length",
    "summarize",
    "train_epochs",
    "train_networks",
]
