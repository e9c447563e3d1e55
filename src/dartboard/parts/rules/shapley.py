"""A rule that moves alpha towards what operations contribute to the supernet's accuracy, by Shapley's value."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.data import Batch
from dartboard.parts.architecture import Architecture, StepGates
from dartboard.parts.demands import Slots
from dartboard.parts.rules.protocol import MovableSearch, Outcome, Rule, SearchView

__all__ = ["Player", "ShapleyMoves", "contributions", "shapley_scores", "standardized"]

Player = tuple[str, int, int]
"""An operation of an edge: cell kind, row of the edge, column of the operation."""

_PUBLISHED_START = 1e-3


def contributions(order: Sequence[int], accuracy: Callable[[int], float], whole: float, stop: float) -> list[float]:
    """What every player adds to the accuracy, when they are removed one after the other in this order.

    A player's contribution is the accuracy before its removal minus that after it. Once the accuracy is below `stop`
    times that of all players, the others are not tried, and theirs are 0.

    Args:
        order: numbers of the players.
        accuracy: number of players removed -> accuracy without the first so many of the order.
        whole: accuracy with all players.
        stop: share of that accuracy.

    Returns:
        By number of the player.
    """
    found, before = [0.0] * len(order), whole
    for removed, player in enumerate(order, start=1):
        after = accuracy(removed)
        found[player], before = before - after, after
        if after < stop * whole:
            break
    return found


def shapley_scores(samples: Tensor) -> Tensor:
    """Mean minus standard deviation (of all samples, not an estimate) of each player's contributions, (players,).

    Args:
        samples: (samples, players).
    """
    return samples.mean(dim=0) - samples.std(dim=0, unbiased=False)


def standardized(scores: Tensor) -> Tensor:
    """Scores with a mean of 0 and an unbiased variance of 1; zeros where all are equal. In the shape of the scores."""
    spread = scores.std() if scores.numel() > 1 else scores.new_zeros(())
    return (scores - scores.mean()) / spread if spread > 0 else torch.zeros_like(scores)


@dataclass(frozen=True)
class ShapleyMoves(Rule):
    """Move alpha by what each operation contributes to the supernet's accuracy on validation images (Shapley-NAS).

    The players are all operations of all edges. A sample draws an order of them, and removes them from the supernet one
    after the other: their gates become 0, and the others keep theirs (`contributions`). The score of a player is the
    mean minus the standard deviation over the samples, standardised within its kind of cells. A moving average of the
    scores, A <- momentum * A + (1 - momentum) * score, is the direction in which the update moves alpha.

    Moves come after epochs of the second part of the stage, at most one after each; before the first, and after the
    last epoch, alpha stays. Every sample takes the next validation images (`search.validation_images`), with batch
    statistics. Paper: arXiv:2206.09811, with the numbers of the authors' code.

    Attributes:
        samples: orders of a move.
        images: images of a sample, rounded up to whole batches.
        moves: moves of alpha in a whole stage, spread evenly.
        momentum: see above.
        stop: share of the accuracy of all players below which the others of a sample are not tried.
        first: share of the stage's epochs before the first move.
        same_images: whether all samples of a move take the same images, so that only the orders differ.
    """

    samples: int = 10
    images: int = 1024
    moves: int = 25
    momentum: float = 0.8
    stop: float = 0.5
    first: float = 0.5
    same_images: bool = False
    moves_alpha: ClassVar[bool] = True

    @override
    def after_steps(self, search: MovableSearch, steps: int) -> Outcome | None:
        """Move alpha, where a move is due before the next epoch.

        Raises:
            SettingsError: there are no validation images.
        """
        if search.stage_epoch + 1 not in self.due(search.stage_epochs):
            return None
        started = time.perf_counter()
        generator, batches = search.generator("shapley"), search.score.endless()
        players, found, wholes, tried = _players(search.architecture), [], [], 0
        own = self._next_images(batches)
        for number in range(self.samples):
            if number and not self.same_images:
                own = self._next_images(batches)
            order = torch.randperm(len(players), generator=generator).tolist()
            sample = _Sample(search, players, order, own)
            wholes.append(sample(0))
            found.append(contributions(order, sample, wholes[-1], self.stop))
            tried += sample.most
        average = self._average(search, players, shapley_scores(torch.tensor(found, dtype=torch.float64)))
        search.move_alphas(
            {
                name: -average[name].to(alpha) if name in average else torch.zeros_like(alpha)
                for name, alpha in search.alphas.items()
            }
        )
        search.count_trials(time.perf_counter() - started)
        figures = {
            "shapley_accuracy": sum(wholes) / len(wholes),
            "shapley_removed": tried / (len(players) * self.samples),
        }
        return Outcome({"shapley": average}, figures)

    def due(self, epochs: int) -> list[int]:
        """The epochs, counted from 0, before which alpha moves.

        >>> ShapleyMoves(moves=3).due(10), ShapleyMoves().due(4)
        ([5, 6, 8], [2, 3])
        """
        first = max(1, math.ceil(self.first * epochs))
        room = max(0, epochs - first)
        moves = min(self.moves, room)
        return [first + number * room // moves for number in range(moves)]

    @override
    def scored_images(self, architecture: Architecture) -> int:
        players = len(_players(architecture))
        return self.moves * self.samples * (players + 1) * self.images

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse relaxations that run only what they draw, and gradients beside the moves."""
        if recipe.relaxation.draws:
            return f"ShapleyMoves removes operations that all run, and {type(recipe.relaxation).__name__} draws them"
        if recipe.gradient is not None:
            return "ShapleyMoves moves alpha itself, and a gradient would move it as well"
        return ""

    def _next_images(self, batches: Iterator[Batch]) -> list[Batch]:
        own = [next(batches)]
        while sum(len(batch.labels) for batch in own) < self.images:
            own.append(next(batches))
        return own

    def _average(self, search: SearchView, players: Sequence[Player], scores: Tensor) -> dict[str, Tensor]:
        """The moving average of the scores with those of this move, (edges, operations) by kind of cells."""
        before = search.records.get("shapley")
        average, generator = {}, search.generator("shapley-start")
        for kind, cell in search.architecture.cells.items():
            start = _PUBLISHED_START * torch.randn(cell.live.shape, generator=generator)
            chosen = [number for number, (own, _, _) in enumerate(players) if own == kind]
            new = torch.zeros(cell.live.shape)
            for number, score in zip(chosen, standardized(scores[chosen]).tolist(), strict=True):
                _, row, column = players[number]
                new[row, column] = score
            average[kind] = self.momentum * (start if before is None else before[kind]) + (1 - self.momentum) * new
        return average


class _Sample:
    """The supernet without the first players of an order, on some images.

    Attributes:
        most: the largest number of players that were removed.
    """

    def __init__(
        self, search: SearchView, players: Sequence[Player], order: Sequence[int], batches: Sequence[Batch]
    ) -> None:
        self.most = 0
        self._search, self._batches = search, batches
        self._order = [players[number] for number in order]
        self._gates = {name: gate.clone() for name, gate in search.architecture.mean_gates(search.alphas).items()}
        active = search.architecture.active
        cells = search.architecture.cells
        self._active = {
            kind: [list(own) for own in (active or {}).get(kind, cell.live_columns)] for kind, cell in cells.items()
        }

    def __call__(self, removed: int) -> float:
        """The accuracy; `removed` only grows."""
        for kind, row, column in self._order[self.most : removed]:
            self._gates[kind][row, column] = 0.0
            if column in self._active[kind][row]:
                self._active[kind][row].remove(column)
        self.most = removed
        drawn = StepGates(self._gates, self._active)
        counts = [len(batch.labels) for batch in self._batches]
        right: list[float] = torch.stack([self._search.score.accuracy(drawn, each) for each in self._batches]).tolist()
        return sum(share * images for share, images in zip(right, counts, strict=True)) / sum(counts)


def _players(architecture: Architecture) -> list[Player]:
    return [
        (kind, row, column)
        for kind, cell in architecture.cells.items()
        for row, columns in enumerate(architecture.left.staying(cell))
        for column in columns
        if row not in architecture.decisions.get(kind, {})
    ]
