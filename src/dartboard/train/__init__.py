"""From a genotype to a trained, tested model."""

from dartboard.train.compare import Difference, paired_difference
from dartboard.train.compiled import check_compiler
from dartboard.train.evaluate import Predictions, confusion_matrix, predict
from dartboard.train.loop import TrainingData, train_network
from dartboard.train.model import ModelCard, load_model, save_model
from dartboard.train.scores import write_scores
from dartboard.train.settings import TrainSettings

__all__ = [
    "Difference",
    "ModelCard",
    "Predictions",
    "TrainSettings",
    "TrainingData",
    "check_compiler",
    "confusion_matrix",
    "load_model",
    "paired_difference",
    "predict",
    "save_model",
    "train_network",
    "write_scores",
]
