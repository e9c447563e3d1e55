"""How alpha becomes gates: one file per family."""

from dartboard.parts.relaxation.binary import BinaryGates
from dartboard.parts.relaxation.controller import Controller, DrawnCells
from dartboard.parts.relaxation.dirichlet import Dirichlet, concentration
from dartboard.parts.relaxation.groups import GroupSoftmax, operation_groups
from dartboard.parts.relaxation.gumbel import Concrete, HardGumbel
from dartboard.parts.relaxation.pairs import PairSoftmax, edge_sets
from dartboard.parts.relaxation.paths import UniformPaths
from dartboard.parts.relaxation.protocol import (
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
from dartboard.parts.relaxation.sigmoid import Sigmoid
from dartboard.parts.relaxation.simplex import EdgeSimplex, Simplex
from dartboard.parts.relaxation.softmax import EdgeSoftmax, NodeSoftmax, Softmax, live_softmax

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
