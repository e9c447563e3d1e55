"""What is added to the loss of alpha: one file per family."""

from dartboard.search.penalties.anchor import DirichletAnchor
from dartboard.search.penalties.base import Joining, Penalty
from dartboard.search.penalties.beta_decay import BetaDecay
from dartboard.search.penalties.cost import ExpectedCost
from dartboard.search.penalties.magnitude import FadingMagnitude
from dartboard.search.penalties.resources import ExpectedResources
from dartboard.search.penalties.zero_one import ZeroOne

__all__ = [
    "BetaDecay",
    "DirichletAnchor",
    "ExpectedCost",
    "ExpectedResources",
    "FadingMagnitude",
    "Joining",
    "Penalty",
    "ZeroOne",
]
