"""The relaxed network: images and gates in, logits out."""

from dartboard.supernet.reference import ReferenceSupernet
from dartboard.supernet.spec import SupernetSpec

__all__ = ["ReferenceSupernet", "SupernetSpec"]
