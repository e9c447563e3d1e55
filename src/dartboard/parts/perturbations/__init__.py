"""What shakes the gates of a weight step: one file per way."""

from dartboard.parts.perturbations.adversarial import AdversarialPerturbation
from dartboard.parts.perturbations.protocol import BoxPerturbation, Perturbation, Surroundings, to_shares
from dartboard.parts.perturbations.random import RandomPerturbation

__all__ = [
    "AdversarialPerturbation",
    "BoxPerturbation",
    "Perturbation",
    "RandomPerturbation",
    "Surroundings",
    "to_shares",
]
