"""Searches that train and compare architectures one by one: their pool, samplers and schedules."""

from dartboard.parts.discrete.neighbours import encode, encoding_size, mutate, neighbours
from dartboard.parts.discrete.pool import Member, Pool
from dartboard.parts.discrete.protocol import Advance, DiscreteSearch, Predicting, Propose, Sampler, Schedule
from dartboard.parts.discrete.samplers import Evolution, LocalSearch, PredictedBest, Uniform
from dartboard.parts.discrete.schedules import Full, Nosh, SuccessiveHalving

__all__ = [
    "Advance",
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
]
