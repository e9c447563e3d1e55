"""How alpha becomes gates: one file per family."""

from dartboard.search.relaxation.base import Relaxation, RelaxedCell
from dartboard.search.relaxation.softmax import EdgeSoftmax, Softmax, live_softmax

__all__ = ["EdgeSoftmax", "Relaxation", "RelaxedCell", "Softmax", "live_softmax"]
