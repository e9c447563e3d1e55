"""A second network that learns beside the supernet, and from which alpha learns."""

from dartboard.parts.companions.distillation import CompanionNetwork, Distillation, Tapped

__all__ = ["CompanionNetwork", "Distillation", "Tapped"]
