"""Relaxations turn alpha into gates: their protocol, deterministic ones, ones that draw, and weights of edges."""

from dartboard.parts.relaxation.controller import Controller, DrawnCells
from dartboard.parts.relaxation.deterministic import (
    GroupSoftmax,
    NodeSoftmax,
    Sigmoid,
    Simplex,
    Softmax,
    UniformShares,
    live_softmax,
    operation_groups,
)
from dartboard.parts.relaxation.drawn import Concrete, Dirichlet, HardGumbel, ReinMax, concentration
from dartboard.parts.relaxation.edges import EdgeSimplex, EdgeSoftmax, PairSoftmax, edge_sets
from dartboard.parts.relaxation.paths import BinaryGates, UniformPaths
from dartboard.parts.relaxation.protocol import (
    Cells,
    Columns,
    Deterministic,
    Draw,
    DrawsPaths,
    PerCell,
    Relaxation,
    RelaxedCell,
    SmallStart,
)

__all__ = [
    "BinaryGates",
    "Cells",
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
    "NodeSoftmax",
    "PairSoftmax",
    "PerCell",
    "ReinMax",
    "Relaxation",
    "RelaxedCell",
    "Sigmoid",
    "Simplex",
    "SmallStart",
    "Softmax",
    "UniformPaths",
    "UniformShares",
    "concentration",
    "edge_sets",
    "live_softmax",
    "operation_groups",
]
