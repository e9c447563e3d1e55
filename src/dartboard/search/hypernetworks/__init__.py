"""Networks that make the weights of candidate operations from alpha: one file per family."""

from dartboard.search.hypernetworks.base import (
    Hypernetwork,
    WeightGenerator,
    attach_hypernetwork,
    candidate_weights,
    learned_weights,
    supernet_weights,
)
from dartboard.search.hypernetworks.dense import DenseHypernetwork
from dartboard.search.hypernetworks.embedding import EmbeddingHypernetwork

__all__ = [
    "DenseHypernetwork",
    "EmbeddingHypernetwork",
    "Hypernetwork",
    "WeightGenerator",
    "attach_hypernetwork",
    "candidate_weights",
    "learned_weights",
    "supernet_weights",
]
