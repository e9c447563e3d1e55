"""An estimator with the interface of scikit-learn."""

from dartboard.sklearn.classifier import ArchitectureSearchClassifier, ReportPage

__all__ = ["ArchitectureSearchClassifier", "ReportPage"]
