"""Events that no run has left, for tests that need a few of their figures alone."""

from typing import Any

from dartboard.runs import SearchEpoch, TrainEpoch

__all__ = ["search_epoch", "train_epoch"]


def search_epoch(**figures: Any) -> SearchEpoch:
    """An epoch of a search, with these figures."""
    usual = {
        "epoch": 1,
        "epochs": 2,
        "steps": 10,
        "seconds": 1.0,
        "validation_loss": None,
        "validation_accuracy": None,
        "learning_rate": 0.1,
        "weight_loss": 0.5,
        "weight_accuracy": 0.75,
        "alpha_loss": None,
        "gates": {"cell": [[0.5, 0.5]]},
        "operations": ("none", "skip_connect"),
        "genotype": {},
        "operation_counts": {"skip_connect": 1},
    }
    return SearchEpoch.of(usual | figures)


def train_epoch(**figures: Any) -> TrainEpoch:
    """An epoch of a training, with these figures."""
    usual = {
        "run": 0,
        "epoch": 1,
        "epochs": 2,
        "steps": 10,
        "seconds": 1.0,
        "validation_loss": None,
        "validation_accuracy": None,
        "learning_rate": 0.1,
        "train_loss": 0.5,
        "train_accuracy": 0.75,
    }
    return TrainEpoch.of(usual | figures)
