"""What can be found out about a finished search without searching again."""

from dartboard.engine.finished.analyses.discretisation import Discretisation, find_edges
from dartboard.engine.finished.analyses.protocol import (
    ANALYSES,
    Analysis,
    Findings,
    Measurement,
    analysis,
    make_analysis,
    run_analysis,
)
from dartboard.engine.finished.analyses.shuffling import Shuffling
from dartboard.engine.finished.analyses.strengths import Agreement, agreement
from dartboard.engine.finished.analyses.trajectory import Trajectory, TrajectoryPoint
from dartboard.engine.finished.analyses.watches import WatchedCheckpoint, WatchedEpoch, Watches

__all__ = [
    "ANALYSES",
    "Agreement",
    "Analysis",
    "Discretisation",
    "Findings",
    "Measurement",
    "Shuffling",
    "Trajectory",
    "TrajectoryPoint",
    "WatchedCheckpoint",
    "WatchedEpoch",
    "Watches",
    "agreement",
    "analysis",
    "find_edges",
    "make_analysis",
    "run_analysis",
]
