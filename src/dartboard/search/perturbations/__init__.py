"""What shakes the gates of a weight step: one file per way."""

from dartboard.search.perturbations.adversarial import AdversarialPerturbation
from dartboard.search.perturbations.base import BoxPerturbation, Perturbation, Surroundings, to_shares
from dartboard.search.perturbations.random import RandomPerturbation

__all__ = [
    "AdversarialPerturbation",
    "BoxPerturbation",
    "Perturbation",
    "RandomPerturbation",
    "Surroundings",
    "to_shares",
]
