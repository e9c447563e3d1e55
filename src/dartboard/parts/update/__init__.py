"""How alpha moves: one file per family."""

from dartboard.parts.update.adam import AdamUpdate, SgdUpdate
from dartboard.parts.update.exponentiated import ExponentiatedUpdate
from dartboard.parts.update.protocol import Update

__all__ = ["AdamUpdate", "ExponentiatedUpdate", "SgdUpdate", "Update"]
