"""The settings of a run, and how layers of settings are merged."""

from dartboard.settings.genotype import read_genotype
from dartboard.settings.manual import describe_settings
from dartboard.settings.presets import PRESETS, preset
from dartboard.settings.request import Request, check_method, search_request, stored_request, train_request
from dartboard.settings.tree import RunSettings, Step, resolve_settings

__all__ = [
    "PRESETS",
    "Request",
    "RunSettings",
    "Step",
    "check_method",
    "describe_settings",
    "preset",
    "read_genotype",
    "resolve_settings",
    "search_request",
    "stored_request",
    "train_request",
]
