"""How alpha moves: one file per family."""

from dartboard.search.update.adam import AdamUpdate, SgdUpdate
from dartboard.search.update.base import Update
from dartboard.search.update.exponentiated import ExponentiatedUpdate

__all__ = ["AdamUpdate", "ExponentiatedUpdate", "SgdUpdate", "Update"]
