"""Penalties in the loss of alpha, such as terms of the alphas and resources, and in the loss of the weights."""

from dartboard.parts.penalties.aligned import AlignedCells
from dartboard.parts.penalties.flooding import Flooding
from dartboard.parts.penalties.protocol import (
    Joining,
    JoiningGradient,
    JoiningWeights,
    Penalty,
    WeightGradients,
    WeightPenalty,
    WeightStep,
)
from dartboard.parts.penalties.resources import ExpectedCost, ExpectedResources
from dartboard.parts.penalties.terms import BetaDecay, DirichletAnchor, DirichletDistance, FadingMagnitude, ZeroOne

__all__ = [
    "AlignedCells",
    "BetaDecay",
    "DirichletAnchor",
    "DirichletDistance",
    "ExpectedCost",
    "ExpectedResources",
    "FadingMagnitude",
    "Flooding",
    "Joining",
    "JoiningGradient",
    "JoiningWeights",
    "Penalty",
    "WeightGradients",
    "WeightPenalty",
    "WeightStep",
    "ZeroOne",
]
