"""Samplers of searches without a supernet: each proposes architectures from what the pool knows."""

from dartboard.parts.discrete.samplers.evolution import Evolution
from dartboard.parts.discrete.samplers.local_search import LocalSearch
from dartboard.parts.discrete.samplers.nsga import NSGA2, pareto_front, reference_macs
from dartboard.parts.discrete.samplers.predictor import PredictedBest
from dartboard.parts.discrete.samplers.tpe import TPE
from dartboard.parts.discrete.samplers.uniform import Uniform, draw_new

__all__ = [
    "NSGA2",
    "TPE",
    "Evolution",
    "LocalSearch",
    "PredictedBest",
    "Uniform",
    "draw_new",
    "pareto_front",
    "reference_macs",
]
