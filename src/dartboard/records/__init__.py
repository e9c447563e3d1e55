"""What a run leaves, as typed documents."""

from dartboard.records.comparison import Comparison
from dartboard.records.result import Baseline, ChoiceFacts, FinalistsFacts, ReselectionFacts, Result

__all__ = ["Baseline", "ChoiceFacts", "Comparison", "FinalistsFacts", "ReselectionFacts", "Result"]
