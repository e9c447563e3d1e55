"""dartboard among scikit-learn's estimators."""

from dartboard.sklearn.classifier import ArchitectureSearchClassifier
from dartboard.sklearn.page import ReportPage

__all__ = ["ArchitectureSearchClassifier", "ReportPage"]
