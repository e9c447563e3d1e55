"""Samplers of searches without a supernet: each proposes architectures from what the pool knows."""

from dartboard.parts.discrete.samplers.evolution import Evolution
from dartboard.parts.discrete.samplers.local_search import LocalSearch
from dartboard.parts.discrete.samplers.predictor import PredictedBest
from dartboard.parts.discrete.samplers.uniform import Uniform, draw_new

__all__ = ["Evolution", "LocalSearch", "PredictedBest", "Uniform", "draw_new"]
