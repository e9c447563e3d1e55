"""From a genotype to a trained, tested model."""

from dartboard.training.compiled import check_compiler
from dartboard.training.exported_model import EXPORT_ENDINGS, ExportedModel, check_exportable, export_model
from dartboard.training.imbalance import log_prior
from dartboard.training.loop import train_network
from dartboard.training.model import ModelCard, load_model, rebuild_model, save_model
from dartboard.training.network_training import NetworkTraining, TrainingData
from dartboard.training.predictions import PREDICTION_ENDINGS, ImagePredictions
from dartboard.training.resizing import more_steps
from dartboard.training.scores import (
    Predictions,
    class_probabilities,
    confusion_counts,
    predict,
    score_figures,
    write_predictions,
)
from dartboard.training.significance import Difference, paired_difference
from dartboard.training.training_settings import TrainSettings

__all__ = [
    "EXPORT_ENDINGS",
    "PREDICTION_ENDINGS",
    "Difference",
    "ExportedModel",
    "ImagePredictions",
    "ModelCard",
    "NetworkTraining",
    "Predictions",
    "TrainSettings",
    "TrainingData",
    "check_compiler",
    "check_exportable",
    "class_probabilities",
    "confusion_counts",
    "export_model",
    "load_model",
    "log_prior",
    "more_steps",
    "paired_difference",
    "predict",
    "rebuild_model",
    "save_model",
    "score_figures",
    "train_network",
    "write_predictions",
]
