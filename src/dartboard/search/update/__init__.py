"""How alpha moves: one file per family."""

from dartboard.search.update.adam import AdamUpdate, SgdUpdate
from dartboard.search.update.base import Update

__all__ = ["AdamUpdate", "SgdUpdate", "Update"]
