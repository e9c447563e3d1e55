"""What can be found out about a finished search without searching again."""

from dartboard.search.analyses.agreement import Agreement, agreement
from dartboard.search.analyses.base import (
    ANALYSES,
    Analysis,
    Findings,
    Measurement,
    analysis,
    make_analysis,
    run_analysis,
)
from dartboard.search.analyses.discretisation import Discretisation
from dartboard.search.analyses.edges import find_edges
from dartboard.search.analyses.shuffling import Shuffling

__all__ = [
    "ANALYSES",
    "Agreement",
    "Analysis",
    "Discretisation",
    "Findings",
    "Measurement",
    "Shuffling",
    "agreement",
    "analysis",
    "find_edges",
    "make_analysis",
    "run_analysis",
]
