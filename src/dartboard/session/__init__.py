"""One run in progress: its data, sizes and batches, and its steps search, train and test."""

from dartboard.session.baselines import BASELINES, FOUND, BaselineNetwork, baseline, holds_contest
from dartboard.session.evaluation import evaluate_networks
from dartboard.session.inheritance import check_start
from dartboard.session.scaling import check_limit, within_limit
from dartboard.session.searching import search_genotype
from dartboard.session.session import Session, open_session
from dartboard.session.sizes import check_sizes, search_length, train_epochs
from dartboard.session.summary import finished_result, summarize
from dartboard.session.training import train_networks

__all__ = [
    "BASELINES",
    "FOUND",
    "BaselineNetwork",
    "Session",
    "baseline",
    "check_limit",
    "check_sizes",
    "check_start",
    "evaluate_networks",
    "finished_result",
    "holds_contest",
    "open_session",
    "search_genotype",
    "search_length",
    "summarize",
    "train_epochs",
    "train_networks",
    "within_limit",
]
