"""Rules that measure the curvature of the validation loss in alpha, and react when the loss becomes too sharp."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.rules.protocol import GoingBack, Outcome, Rule, SearchView
from dartboard.wording import count

__all__ = [
    "DecayOnSharpening",
    "MeasureCurvature",
    "Sharpening",
    "SharpeningInShares",
    "StopOnSharpening",
    "interval",
]


@dataclass(frozen=True)
class MeasureCurvature(Rule):
    """Measure the Hessian of the validation loss in alpha, on the epoch's last alpha batch: eigenvalue and trace.

    The largest eigenvalue rises before the architectures found degrade. The epoch's event holds the newest one as
    `eigenvalue`, and the trace as `trace`. The records hold all eigenvalues as `eigenvalues`, a list of [epoch, value];
    the first epoch of the stage is epoch 0. Epochs in which alpha rests are skipped, unless the method never moves it.
    Paper: RobustDARTS (arXiv:1909.09656).

    Attributes:
        every: epochs from one measurement to the next; the first epoch of the stage is measured. Below 1: the share of
            the stage's epochs, rounded to at least one epoch (`interval`).
        shift: added to every eigenvalue. The weight decay of alpha as a shift counts the decay as part of the loss.
    """

    needs_problem = True

    every: float = 2
    shift: float = 0.0

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        epoch = search.stage_epoch - 1
        if search.problem is None or epoch % interval(self.every, search.stage_epochs):
            return None
        curvature = AlphaCurvature(search.problem, search.architecture.cells)
        value = curvature.largest_eigenvalue() + self.shift
        measured = [*search.records.get("eigenvalues", []), [epoch, value]]
        trace = curvature.trace() + curvature.size * self.shift
        return Outcome({"eigenvalues": measured}, {"eigenvalue": value, "trace": trace})

    @override
    def advice(self, search: SearchView) -> Sequence[str]:
        relaxation = search.architecture.relaxation
        if relaxation.has_slopes:
            return ()
        return (
            f"The curvature in alpha is not measured: the gates of {type(relaxation).__name__} have no derivatives in "
            "its alphas.",
        )


def interval(every: float, epochs: int) -> int:
    """Epochs from one measurement to the next in a stage of so many; `every` below 1 is a share of them.

    >>> [interval(1 / 25, epochs) for epochs in (50, 100, 25, 10)], interval(3, 50)
    ([2, 4, 1, 1], 3)
    """
    return int(every) if every >= 1 else max(1, round(every * epochs))


@dataclass(frozen=True)
class Sharpening:
    """A test of the eigenvalues measured so far: has the loss become too sharp, and to which epoch to go back?

    Eigenvalues are averaged over a window, and the average belongs to the measurement in the middle of the window. The
    loss is too sharp once the newest average is more than `factor` times the average of `gap` measurements before. The
    test never fires if the earlier average is not positive. Source: the authors' code of RobustDARTS
    (arXiv:1909.09656).

    Attributes:
        window: number of measurements in an average; the first averages have fewer.
        gap: measurements between the two averages that are compared, at least 1.
        first: earliest epoch to go back to, counted from 0.
        factor: the loss is too sharp if the average has grown by more than this factor.
        last: epoch of the last measurement of the stage, which is not tested; None: every measurement is.
    """

    window: int = 5
    gap: int = 4
    first: int = 10
    factor: float = 1.3
    last: int | None = None

    @property
    def lag(self) -> int:
        """How many measurements to go back from the newest one."""
        return self.window // 2 + self.gap

    def __call__(self, history: Sequence[Sequence[float]]) -> int | None:
        """The epoch to go back to, or None while the loss is not too sharp.

        Args:
            history: (epoch, eigenvalue) of every measurement, the oldest first.
        """
        if len(history) <= self.lag or history[-1][0] == self.last:
            return None
        epoch = int(history[-1 - self.lag][0])
        before, now = self._average(history[: -self.gap]), self._average(history)
        return epoch if epoch >= self.first and before > 0 and now / before > self.factor else None

    def _average(self, history: Sequence[Sequence[float]]) -> float:
        window = [value for _, value in history[-self.window :]]
        return math.fsum(window) / len(window)


@dataclass(frozen=True)
class SharpeningInShares:
    """`Sharpening` for a search of any length: its numbers as shares of the stage.

    In a stage of 50 epochs the defaults are the numbers of the authors' code (arXiv:1909.09656): a measurement every 2
    epochs, averages of 5, a gap of 4, and no return to before epoch 10. These numbers as they are could not act in
    fewer than 24 epochs.

    Attributes:
        every: share of the epochs from one measurement to the next, or from 1 on the epochs themselves.
        window: share of the measurements in an average, at least 2 of them.
        gap: share of the measurements between the two averages that are compared, at least 1.
        first: share of the measurements to which the search does not go back.
        factor: as in `Sharpening`.
    """

    every: float = 1 / 25
    window: float = 1 / 5
    gap: float = 0.16
    first: float = 1 / 5
    factor: float = 1.3

    def measurements(self, epochs: int) -> int:
        """How many measurements a stage of so many epochs has."""
        return math.ceil(epochs / interval(self.every, epochs))

    def of(self, measurements: int, each: int = 1) -> Sharpening:
        """The test of so many measurements, with an epoch, or `each` epochs, from one to the next."""
        return Sharpening(
            window=max(2, round(self.window * measurements)),
            gap=max(1, round(self.gap * measurements)),
            first=each * math.ceil(self.first * measurements - 1e-9),  # a product may lie just above a whole number
            factor=self.factor,
            last=each * (measurements - 1),
        )

    def within(self, epochs: int) -> Sharpening:
        """The test in a stage of so many epochs.

        >>> SharpeningInShares().within(10)
        Sharpening(window=2, gap=2, first=2, factor=1.3, last=9)
        """
        return self.of(self.measurements(epochs), interval(self.every, epochs))

    def idle_with(self, measurements: int) -> str:
        """Why the test cannot fire in so many measurements, as a sentence; empty if it can."""
        test = self.of(measurements)
        if measurements >= _FEWEST and test.first + test.lag < measurements - 1:
            return ""
        return (
            f"{count(measurements, 'measurement')} of the curvature cannot tell a rise ({_FEWEST} are needed), so the "
            "search is that of darts-2nd; give it more epochs"
        )


_FEWEST = 5
"""Measurements below which nothing can be told."""


@dataclass(frozen=True)
class StopOnSharpening(Rule):
    """End the search when the loss becomes too sharp, and take the alphas of an earlier epoch (DARTS-ES).

    The rule reads the measurements of `MeasureCurvature` and must stand after it. The last measurement is never tested.
    Paper: RobustDARTS (arXiv:1909.09656).

    Attributes:
        test: decides whether the loss is too sharp.
    """

    test: SharpeningInShares = SharpeningInShares()

    @override
    def idle_in(self, epochs: int) -> str:
        return self.test.idle_with(self.test.measurements(epochs))

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        if "eigenvalue" not in search.figures:
            return None
        test = self.test.within(search.stage_epochs)
        measured = [*search.records.get("measured_alphas", []), search.copied_alphas()][-1 - test.lag :]
        records = {"measured_alphas": measured}
        back = None if search.has_ended else test(search.records["eigenvalues"])
        if back is None:
            return Outcome(records)
        plan = search.plan.stopped(
            f"the largest Hessian eigenvalue of the validation loss in alpha grew by a factor of more than "
            f"{self.test.factor:g}, and the architecture is read from epoch {search.span[0] + back + 1}"
        )
        return Outcome(records, final_alphas=measured[0], plan=plan)


@dataclass(frozen=True)
class DecayOnSharpening(Rule):
    """Go back when the loss becomes too sharp, and search on with a larger weight decay of the weights (DARTS-ADA).

    Weights, alphas, optimisers and records return to their state in the epoch that the test names, and the later epochs
    are searched again. The rule must stand after `MeasureCurvature`. The records keep every state that may still be
    needed: in 50 epochs 12 states before the first return and 7 before the second. Checkpoints grow accordingly.
    Paper: RobustDARTS (arXiv:1909.09656).

    Attributes:
        factor: multiplies the weight decay at every return, above 1.
        limit: the search no longer goes back once the weight decay has reached this value.
        test: decides whether the loss is too sharp.

    Raises:
        RecipeError: the factor is not above 1.
    """

    factor: float = 10.0
    limit: float = 3e-2
    test: SharpeningInShares = SharpeningInShares()

    def __post_init__(self) -> None:
        if not self.factor > 1:
            raise RecipeError(f"a weight decay multiplied by {self.factor:g} does not rise; choose a factor above 1.")

    @override
    def idle_in(self, epochs: int) -> str:
        return self.test.idle_with(self.test.measurements(epochs))

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        if "eigenvalue" not in search.figures:
            return None
        decay, test = search.plan.weight_decay, self.test.within(search.stage_epochs)
        returns = self._returns_left(decay)
        kept = self._with_this(search, returns, test)
        back = test(search.records["eigenvalues"]) if returns and not search.has_ended else None
        if back is None:
            return Outcome({"snapshots": kept})
        earlier = [saved for saved in kept if saved["epoch"] <= search.span[0] + back + 1]
        target = {**earlier[-1], "records": {**earlier[-1]["records"], "snapshots": earlier}}
        reason = (
            f"the largest Hessian eigenvalue of the validation loss in alpha grew by a factor of more than "
            f"{self.test.factor:g}, and the weight decay of the weights rises from {decay:g} to "
            f"{decay * self.factor:g}"
        )
        return Outcome(back=GoingBack(target, reason, self.factor * decay / _weight_decay(target)))

    def _returns_left(self, decay: float) -> int:
        """How often the weight decay can still be raised; a value just below the limit by rounding has reached it."""
        if not 0 < decay < self.limit:
            return 0
        return math.ceil(math.log(self.limit / decay, self.factor) - 1e-9)

    def _with_this(self, search: SearchView, returns: int, test: Sharpening) -> list[dict[str, Any]]:
        """The snapshots that this and later returns may need.

        Each return can go back to a measurement lag - 1 before that of the previous return.
        """
        if not returns:
            return []
        snapshots: list[dict[str, Any]] = search.records.get("snapshots", [])
        if search.stage_epoch - 1 >= test.first:
            records = {name: record for name, record in search.records.items() if name != "snapshots"}
            snapshots = [*snapshots, copy.deepcopy({**search.state_dict(), "records": records})]
        return snapshots[-(returns * (test.lag - 1) + 2) :]


def _weight_decay(saved: Mapping[str, Any]) -> float:
    """The weight decay (L2 factor) of the weights in a saved state."""
    decay: float = saved["weight_optimizer"]["param_groups"][0]["weight_decay"]
    return decay
