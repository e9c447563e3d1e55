"""dartboard among scikit-learn's estimators."""

from dartboard.sklearn.classifier import ArchitectureSearchClassifier, ReportPage

__all__ = ["ArchitectureSearchClassifier", "ReportPage"]
