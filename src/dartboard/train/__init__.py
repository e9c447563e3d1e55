"""From a genotype to a trained, tested model."""

from dartboard.train.compare import Difference, paired_difference
from dartboard.train.compiled import check_compiler
from dartboard.train.evaluate import Predictions, class_probabilities, confusion_matrix, predict
from dartboard.train.imbalance import log_prior
from dartboard.train.loop import NetworkTraining, TrainingData, train_network
from dartboard.train.model import ModelCard, load_model, rebuild_model, save_model
from dartboard.train.predictions import PREDICTION_ENDINGS, ImagePredictions
from dartboard.train.schedule import Allowance, Pace
from dartboard.train.scores import write_scores
from dartboard.train.settings import TrainSettings

__all__ = [
    "PREDICTION_ENDINGS",
    "Allowance",
    "Difference",
    "ImagePredictions",
    "ModelCard",
    "NetworkTraining",
    "Pace",
    "Predictions",
    "TrainSettings",
    "TrainingData",
    "check_compiler",
    "class_probabilities",
    "confusion_matrix",
    "load_model",
    "log_prior",
    "paired_difference",
    "predict",
    "rebuild_model",
    "save_model",
    "train_network",
    "write_scores",
]
