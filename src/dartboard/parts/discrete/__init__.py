"""Searches that train and compare architectures one by one: their pool, samplers and schedules."""

from dartboard.parts.discrete.neighbours import encode, encoding_size, mutate, neighbours
from dartboard.parts.discrete.pool import CORRELATIONS, Correlation, Member, Pool
from dartboard.parts.discrete.protocol import Advance, DiscreteSearch, Predicting, Propose, Sampler, Schedule
from dartboard.parts.discrete.samplers import (
    NSGA2,
    TPE,
    Evolution,
    LocalSearch,
    PredictedBest,
    Uniform,
    pareto_front,
    reference_macs,
)
from dartboard.parts.discrete.schedules import Full, Nosh, SuccessiveHalving

__all__ = [
    "CORRELATIONS",
    "NSGA2",
    "TPE",
    "Advance",
    "Correlation",
    "DiscreteSearch",
    "Evolution",
    "Full",
    "LocalSearch",
    "Member",
    "Nosh",
    "Pool",
    "PredictedBest",
    "Predicting",
    "Propose",
    "Sampler",
    "Schedule",
    "SuccessiveHalving",
    "Uniform",
    "encode",
    "encoding_size",
    "mutate",
    "neighbours",
    "pareto_front",
    "reference_macs",
]
