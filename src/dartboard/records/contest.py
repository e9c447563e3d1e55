"""The contest between the network found and others for the time that is left."""

from typing import ClassVar

from dartboard.records.dataset import GenotypeForms
from dartboard.runs import Document, Objective, Record

__all__ = ["Contest", "Contestant", "SearchWorth", "survivors"]


def survivors(number: int) -> int:
    """How many of so many contestants go on after a round: half of them, rounded down, and at least one."""
    return max(1, number // 2)


class Contestant(Record):
    """A network that takes part."""

    name: str
    """Its name: `found` for the network found, else that of a baseline, or `random`, `random-2` and so on."""

    what: str
    """Description in words."""

    genotype: GenotypeForms
    """Its architecture."""

    init_channels: int
    """Its width."""

    layers: int
    """Its depth, as its space counts."""

    steps: int
    """Steps of an epoch; with a budget as many as its part of the time allows."""

    test_seconds: float
    """Expected seconds of its test."""

    accuracies: tuple[float, ...] = ()
    """Validation accuracy after each round that it took part in, as a fraction, by the objective; 0 in the round in
    which its training failed."""

    failure: str | None = None
    """Why its training failed, if it did."""


class SearchWorth(Record):
    """How much better the network found is than a random one of its space, after the first round."""

    difference: float
    """Validation accuracy of the network found minus that of the random one, as a fraction, by the objective."""

    interval: tuple[float, float]
    """95% interval of the difference, by a paired bootstrap over the validation images."""


class Contest(Document):
    """Successive halving between the network found and the baselines: equal time each, and the better half goes on.

    Every contestant begins the training that it would have if it won, so the winner's training simply goes on.
    """

    file: ClassVar[str] = "contest.json"
    written_by: ClassVar[str] = "train, with the setting `contest`"

    epochs: int
    """Number of epochs of a whole training."""

    rounds: tuple[int, ...]
    """Epochs that the contestants have been trained for at the end of each round; empty where there was no time for
    rounds, and the known good network of the space won without any."""

    seconds: float | None
    """Expected seconds of an epoch of every contestant; null without a budget, where all have the same steps."""

    objective: Objective
    """Which accuracies these are: "accuracy" over images, or "balanced-accuracy", the mean over classes."""

    images: int
    """Number of validation images that the accuracies are measured on."""

    image_side: float = 1.0
    """Side of these images in the last round, and of those of the training, as a share of the whole side; below 1 with
    `train.progressive_resizing`."""

    contestants: tuple[Contestant, ...]
    """All contestants, the network found first."""

    incumbent: str | None = None
    """Name of the known good network of the space, if it takes part: it stays in the contest, and wins it, unless
    another contestant is better beyond chance, since short trainings favour networks that learn fast at first."""

    beaten: bool = False
    """Whether a contestant was better than the incumbent beyond chance in a round."""

    worth: SearchWorth | None = None
    """What the search was worth; null before the end of the first round, or without a random contestant."""

    winner: str | None = None
    """Name of the winner; null before the end."""

    @property
    def chosen(self) -> Contestant:
        """The winner."""
        return next(each for each in self.contestants if each.name == self.winner)

    @property
    def rounds_done(self) -> int:
        """Rounds that have ended."""
        return max(len(each.accuracies) for each in self.contestants)

    @property
    def left(self) -> tuple[Contestant, ...]:
        """The contestants of the next round, or the winner: the better half of those of the last round (`survivors`).

        The incumbent takes the place of the worst of them unless it is beaten.
        """
        done = self.rounds_done
        if not done:
            return self.contestants
        last = [each for each in self.contestants if len(each.accuracies) == done]
        best = sorted(last, key=lambda each: -each.accuracies[-1])[: survivors(len(last))]
        incumbent = [each for each in last if each.name == self.incumbent]
        if incumbent and not self.beaten and incumbent[0] not in best:
            best[-1:] = incumbent
        return tuple(each for each in last if each in best)
