"""A predictor that learns the order of architectures from pairs, as accuracies after different lengths do not compare.

Source: RANK-NOSH (arXiv:2108.08019). The paper leaves pairs, loss and network open; what stands here is named.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from dartboard.parts.discrete.pool import Member, Pool
from dartboard.runs import make_generator

__all__ = ["Loss", "RankPredictor", "known_members", "make_pairs", "pair_loss"]

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

    Each has two hidden layers of ReLU and learns by Adam, pass after pass over the pairs in an order of its own. The
    networks are one stack of matrices: each step moves all of them, and none sees another.

    Args:
        features: length of a vector.
        networks: how many.
        width: units of a hidden layer.
        passes: over all pairs, for each network.
        rate: learning rate.
        batch: pairs of a step.
        loss: of the pairs.
        seed: of weights and orders.
    """

    def __init__(
        self,
        features: int,
        *,
        networks: int = 5,
        width: int = 128,
        passes: int = 200,
        rate: float = 1e-3,
        batch: int = 512,
        loss: Loss = "logistic",
        seed: int = 0,
    ) -> None:
        self.passes, self.rate, self.batch, self.loss, self.seed = passes, rate, batch, loss, seed
        self.networks = networks
        drawn_by = make_generator(seed, "predictor", "weights")
        self._layers = [_layer(networks, *sizes, drawn_by) for sizes in pairwise((features, width, width, 1))]

    def fit(self, vectors: Tensor, pairs: Sequence[Pair]) -> None:
        """Learn the order of architectures.

        Args:
            vectors: of all architectures, (architectures, features).
            pairs: places of the better and the worse of each pair, at least one.
        """
        known = torch.tensor(pairs)
        optimizer = torch.optim.Adam([weight for layer in self._layers for weight in layer], lr=self.rate)
        for number in range(self.passes):
            generator = make_generator(self.seed, "predictor", "order", number)
            orders = torch.stack([torch.randperm(len(known), generator=generator) for _ in range(self.networks)])
            for drawn in torch.split(orders, self.batch, dim=1):  # type: ignore[no-untyped-call]
                numbers = self._numbers(vectors)
                better, worse = (numbers.gather(1, known[drawn, side]) for side in (0, 1))
                optimizer.zero_grad()
                # The mean over networks times their number: each has the gradient that it would have alone.
                (self.networks * pair_loss(better, worse, self.loss)).backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    @torch.no_grad()
    def __call__(self, vectors: Tensor) -> Tensor:
        """A number for each architecture, (architectures,)."""
        return self._numbers(vectors).mean(0)

    def _numbers(self, vectors: Tensor) -> Tensor:
        """What each network says of each architecture, (networks, architectures)."""
        hidden = vectors.expand(self.networks, *vectors.shape)
        for place, (weight, bias) in enumerate(self._layers):
            hidden = torch.baddbmm(bias, relu(hidden) if place else hidden, weight)
        return hidden.squeeze(2)


def _layer(networks: int, inputs: int, outputs: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Weights (networks, inputs, outputs) and biases (networks, 1, outputs), drawn as `nn.Linear` draws them."""
    bound = inputs**-0.5

    def drawn(*shape: int) -> Tensor:
        return torch.empty(shape).uniform_(-bound, bound, generator=generator).requires_grad_()

    return drawn(networks, inputs, outputs), drawn(networks, 1, outputs)


def known_members(pool: Pool) -> list[Member]:
    """Members that were evaluated and did not fail."""
    return [member for member in pool.members if member.level and not member.failure]
