"""Penalties in the loss of alpha: terms of the alphas themselves, and the resources of the architecture."""

from dartboard.parts.penalties.protocol import Joining, Penalty
from dartboard.parts.penalties.resources import ExpectedCost, ExpectedResources
from dartboard.parts.penalties.terms import BetaDecay, DirichletAnchor, FadingMagnitude, ZeroOne

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
