"""How alpha becomes gates: one file per family."""

from dartboard.search.relaxation.base import Relaxation, RelaxedCell
from dartboard.search.relaxation.sigmoid import Sigmoid
from dartboard.search.relaxation.simplex import EdgeSimplex, Simplex
from dartboard.search.relaxation.softmax import EdgeSoftmax, NodeSoftmax, Softmax, live_softmax

__all__ = [
    "EdgeSimplex",
    "EdgeSoftmax",
    "NodeSoftmax",
    "Relaxation",
    "RelaxedCell",
    "Sigmoid",
    "Simplex",
    "Softmax",
    "live_softmax",
]
