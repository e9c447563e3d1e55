"""How the steps of a run are joined: settings, session, steps and the result."""

from dartboard.pipeline.architecture import read_genotype
from dartboard.pipeline.result import Result
from dartboard.pipeline.session import Session, device_name, open_session
from dartboard.pipeline.settings import PRESETS, RunSettings, resolve_settings
from dartboard.pipeline.steps import (
    Step,
    check_sizes,
    evaluate_networks,
    finished_result,
    search_genotype,
    search_length,
    summarize,
    train_epochs,
    train_networks,
)

__all__ = [
    "PRESETS",
    "Result",
    "RunSettings",
    "Session",
    "Step",
    "check_sizes",
    "device_name",
    "evaluate_networks",
    "finished_result",
    "open_session",
    "read_genotype",
    "resolve_settings",
    "search_genotype",
    "search_length",
    "summarize",
    "train_epochs",
    "train_networks",
]
