"""A scorer for states that are made by hand."""

from collections.abc import Iterator

import torch
from torch import nn

from dartboard.data import Batch
from dartboard.parts.scoring import Scorer

__all__ = ["UNSCORED"]


class NoBatches:
    def in_order(self) -> Iterator[Batch]:
        return iter(())


UNSCORED = Scorer(nn.Identity(), NoBatches(), torch.device("cpu"))
