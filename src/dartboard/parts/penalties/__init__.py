"""What is added to the loss of alpha: one file per family."""

from dartboard.parts.penalties.anchor import DirichletAnchor
from dartboard.parts.penalties.beta_decay import BetaDecay
from dartboard.parts.penalties.cost import ExpectedCost
from dartboard.parts.penalties.magnitude import FadingMagnitude
from dartboard.parts.penalties.protocol import Joining, Penalty
from dartboard.parts.penalties.resources import ExpectedResources
from dartboard.parts.penalties.zero_one import ZeroOne

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
