"""What a search works on: images in batches, and supernets on demand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from dartboard.data import Batches
from dartboard.parts.architecture import Live
from dartboard.parts.limits import Limit
from dartboard.parts.recipe import Images
from dartboard.parts.trials import TrialImages
from dartboard.space import OperationCosts, SearchSpace
from dartboard.supernet import Mixing

__all__ = ["SearchBatches", "SearchProblem", "SupernetRequest"]


class SearchBatches(NamedTuple):
    """The images of a search.

    Attributes:
        weights: batches for the weights.
        alphas: batches for alpha.
        validation: the images on which the supernet is scored after every epoch; none of them is among `weights`.
        trials: the images on which decisions try the supernet; None: those of `validation`.
    """

    weights: Batches
    alphas: Batches
    validation: Batches
    trials: TrialImages | None = None

    @property
    def for_decisions(self) -> TrialImages:
        """The images on which decisions try the supernet."""
        if self.trials is not None:
            return self.trials
        return TrialImages(lambda: self.validation, sum(len(batch.labels) for batch in self.validation.in_order()))


class SupernetRequest(NamedTuple):
    """The supernet that a stage needs.

    Attributes:
        stage: its number; initial weights depend on it.
        mixing: how the gated outputs of an edge's operations join.
        live: the operations of every edge.
        deeper: cells added to every group of cells between reductions.
    """

    stage: int
    mixing: Mixing
    live: Live
    deeper: int


@dataclass(frozen=True)
class SearchProblem:
    """What a search works on.

    Attributes:
        space: the search space.
        make_supernet: builds one, on `device`; it is called as supernet(images, gates), where a rule drops values
            behind identities with `skip_dropout=SkipDropout(...)`, where operations draw with `noise_seed=...`, and its
            parameters are the weights.
        make_batches: the batches for a choice of images.
        device: where everything runs.
        costs: what operations cost in a network of a supernet's size; None where no part asks.
        limit: what the network of the architecture may cost; None: no limit.
    """

    space: SearchSpace
    make_supernet: Callable[[SupernetRequest], nn.Module]
    make_batches: Callable[[Images], SearchBatches]
    device: torch.device
    costs: Callable[[SupernetRequest], OperationCosts] | None = None
    limit: Limit | None = None
