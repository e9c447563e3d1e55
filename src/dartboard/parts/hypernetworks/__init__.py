"""Networks that make the weights of candidate operations from alpha: one file per family."""

from dartboard.parts.hypernetworks.dense import DenseHypernetwork
from dartboard.parts.hypernetworks.embedding import EmbeddingHypernetwork
from dartboard.parts.hypernetworks.protocol import (
    Hypernetwork,
    WeightGenerator,
    attach_hypernetwork,
    candidate_weights,
    learned_weights,
    outside_weights,
    supernet_weights,
)

__all__ = [
    "DenseHypernetwork",
    "EmbeddingHypernetwork",
    "Hypernetwork",
    "WeightGenerator",
    "attach_hypernetwork",
    "candidate_weights",
    "learned_weights",
    "outside_weights",
    "supernet_weights",
]
