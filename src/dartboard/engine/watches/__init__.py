"""What can be measured while a search goes on, or once it has ended, and leaves the search as it is, bit for bit."""

from dartboard.engine.watches.correlation import GradientCorrelation
from dartboard.engine.watches.curvature import Curvature
from dartboard.engine.watches.derived import DerivedAccuracy, DiscretisationGap, table_figures
from dartboard.engine.watches.operator_gradients import HypergradientSize, OperatorGradients
from dartboard.engine.watches.protocol import WATCHES, Chart, Observation, Probes, Seen, Watch, make_watch, watch
from dartboard.engine.watches.removal import RemovalPrediction
from dartboard.engine.watches.skips import ResidualVariance, SkipAdvantage
from dartboard.engine.watches.watching import Watching, refuse_watches, watched_seconds

__all__ = [
    "WATCHES",
    "Chart",
    "Curvature",
    "DerivedAccuracy",
    "DiscretisationGap",
    "GradientCorrelation",
    "HypergradientSize",
    "Observation",
    "OperatorGradients",
    "Probes",
    "RemovalPrediction",
    "ResidualVariance",
    "Seen",
    "SkipAdvantage",
    "Watch",
    "Watching",
    "make_watch",
    "refuse_watches",
    "table_figures",
    "watch",
    "watched_seconds",
]
