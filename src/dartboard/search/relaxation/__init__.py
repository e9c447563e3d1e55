"""How alpha becomes gates: one file per family."""

from dartboard.search.relaxation.base import (
    Columns,
    Deterministic,
    Draw,
    DrawsPaths,
    JointRelaxation,
    Relaxation,
    RelaxedCell,
    Settles,
    SharesSets,
)
from dartboard.search.relaxation.binary import BinaryGates
from dartboard.search.relaxation.controller import Controller, DrawnCells
from dartboard.search.relaxation.dirichlet import Dirichlet, concentration
from dartboard.search.relaxation.groups import GroupSoftmax, operation_groups
from dartboard.search.relaxation.gumbel import Concrete, HardGumbel
from dartboard.search.relaxation.pairs import PairSoftmax, edge_sets
from dartboard.search.relaxation.paths import UniformPaths
from dartboard.search.relaxation.sigmoid import Sigmoid
from dartboard.search.relaxation.simplex import EdgeSimplex, Simplex
from dartboard.search.relaxation.softmax import EdgeSoftmax, NodeSoftmax, Softmax, live_softmax

__all__ = [
    "BinaryGates",
    "Columns",
    "Concrete",
    "Controller",
    "Deterministic",
    "Dirichlet",
    "Draw",
    "DrawnCells",
    "DrawsPaths",
    "EdgeSimplex",
    "EdgeSoftmax",
    "GroupSoftmax",
    "HardGumbel",
    "JointRelaxation",
    "NodeSoftmax",
    "PairSoftmax",
    "Relaxation",
    "RelaxedCell",
    "Settles",
    "SharesSets",
    "Sigmoid",
    "Simplex",
    "Softmax",
    "UniformPaths",
    "concentration",
    "edge_sets",
    "live_softmax",
    "operation_groups",
]
