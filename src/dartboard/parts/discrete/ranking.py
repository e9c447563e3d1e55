"""A predictor that learns the order of architectures from pairs, as accuracies after different lengths do not compare.

Source: RANK-NOSH (arXiv:2108.08019). The paper leaves pairs, loss and network open; what stands here is named.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from dartboard.parts.discrete.pool import Member, Pool
from dartboard.runs import seeded_initialization

__all__ = ["Loss", "RankPredictor", "make_pairs", "pair_loss"]

Loss = Literal["logistic", "hinge"]
"""The loss of a pair by the difference d of the numbers predicted for the better and the worse: log(1 + exp(-d)), or
max(0, 1 - d)."""

Pair = tuple[int, int]
"""Places of the better and the worse architecture."""


def make_pairs(members: Sequence[Member], least: float = 0.001) -> list[Pair]:
    """All pairs whose order is known, the better first.

    Two architectures are compared after the highest level that both have passed, so that both had the same length on
    the same schedule.

    Args:
        members: of the pool.
        least: pairs whose accuracies differ by less than this, as a fraction, are left out.

    Returns:
        Pairs of places in `members`.
    """
    pairs = []
    for first, one in enumerate(members):
        for second in range(first + 1, len(members)):
            other = members[second]
            common = min(one.level, other.level)
            if not common or one.failure or other.failure:
                continue
            difference = one.accuracies[common - 1] - other.accuracies[common - 1]
            if abs(difference) >= least:
                pairs.append((first, second) if difference > 0 else (second, first))
    return pairs


def pair_loss(better: Tensor, worse: Tensor, loss: Loss = "logistic") -> Tensor:
    """The mean loss of pairs.

    Args:
        better: numbers predicted for the better architectures, (pairs,).
        worse: for the worse ones, (pairs,).
        loss: which one.
    """
    difference = better - worse
    return (softplus(-difference) if loss == "logistic" else relu(1.0 - difference)).mean()


class RankPredictor:
    """The mean of several small networks that map the vector of an architecture to a number, higher for better.

    Each has two hidden layers of ReLU and learns by Adam from batches of pairs; they differ in weights and batches.

    Args:
        features: length of a vector.
        networks: how many.
        width: units of a hidden layer.
        steps: of Adam, for each network.
        rate: learning rate.
        batch: pairs of a step.
        loss: of the pairs.
        seed: of weights and batches.
    """

    def __init__(
        self,
        features: int,
        *,
        networks: int = 5,
        width: int = 128,
        steps: int = 200,
        rate: float = 1e-3,
        batch: int = 512,
        loss: Loss = "logistic",
        seed: int = 0,
    ) -> None:
        self.steps, self.rate, self.batch, self.loss, self.seed = steps, rate, batch, loss, seed
        with seeded_initialization(seed, "predictor"):
            self.networks = [
                nn.Sequential(
                    nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
                )
                for _ in range(networks)
            ]

    def fit(self, vectors: Tensor, pairs: Sequence[Pair]) -> None:
        """Learn the order of architectures.

        Args:
            vectors: of all architectures, (architectures, features).
            pairs: places of the better and the worse of each pair, at least one.
        """
        known = torch.tensor(pairs)
        for number, network in enumerate(self.networks):
            generator = torch.Generator().manual_seed(self.seed + number)
            optimizer = torch.optim.Adam(network.parameters(), lr=self.rate)
            for _ in range(self.steps):
                drawn = torch.randint(len(known), (min(self.batch, len(known)),), generator=generator)
                numbers = network(vectors).squeeze(1)
                better, worse = known[drawn].unbind(1)
                optimizer.zero_grad()
                pair_loss(numbers[better], numbers[worse], self.loss).backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    @torch.no_grad()
    def __call__(self, vectors: Tensor) -> Tensor:
        """A number for each architecture, (architectures,)."""
        return torch.stack([network(vectors).squeeze(1) for network in self.networks]).mean(0)


def known_members(pool: Pool) -> list[Member]:
    """Members that were evaluated and did not fail."""
    return [member for member in pool.members if member.level and not member.failure]
