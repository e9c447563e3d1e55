"""Early stopping of RobustDARTS with measurements within the epochs, so that a search of any length has as many."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from typing_extensions import override

from dartboard.errors import RecipeError
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.gradient.problem import Bilevel, Gradient
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.parts.rules.curvature import SharpeningInShares
from dartboard.parts.rules.protocol import Outcome, Rule, SearchView
from dartboard.wording import percent

__all__ = ["StopWithinEpochs"]

_NAME = "curvature_within"


class _Measuring(StageHook):
    """Measures the curvature at even distances over the steps of alpha, and keeps the alphas of every measurement."""

    acts_on_weights = True  # so that every step is taken one by one, also on an accelerator

    def __init__(self, stage: StageAccess, measurements: int, shift: float) -> None:
        self._stage, self._wanted, self._shift = stage, measurements, shift
        self._taken = 0
        self.values: list[float] = []
        self.alphas: list[dict[str, Tensor]] = []

    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        """The gradient as it would be; the curvature is measured before it where one is due."""
        planned = max(self._wanted, self._stage.alpha_steps)
        if len(self.values) < self._wanted and self._taken * self._wanted >= len(self.values) * planned:
            self.values.append(AlphaCurvature(problem, self._stage.cells).largest_eigenvalue() + self._shift)
            self.alphas.append({name: alpha.detach().clone() for name, alpha in problem.alphas.items()})
        self._taken += 1
        return otherwise(problem)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed search needs."""
        return {_NAME: {"taken": self._taken, "values": list(self.values), "alphas": list(self.alphas)}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from there."""
        own = saved[_NAME]
        self._taken, self.values, self.alphas = own["taken"], list(own["values"]), list(own["alphas"])


@dataclass(frozen=True)
class StopWithinEpochs(Rule):
    """`StopOnSharpening` with a number of measurements that does not depend on the number of epochs (DARTS-ES).

    The curvature is measured at even distances over the steps of alpha, on the alpha batch of that step. After each
    epoch all measurements are tested that are new, in their order, and the first that is too sharp ends the search.

    Attributes:
        test: decides whether the loss is too sharp; one over its share `every` is the number of measurements.
        shift: added to every eigenvalue, as in `MeasureCurvature`.

    Raises:
        RecipeError: the test's `every` is a number of epochs.
    """

    test: SharpeningInShares
    shift: float = 0.0

    def __post_init__(self) -> None:
        if self.test.every >= 1:
            raise RecipeError(
                f"the curvature is measured at shares of the steps of alpha, and every={self.test.every:g} is a number "
                "of epochs; give a share below 1, such as 0.04, or do not measure within epochs."
            )

    @property
    def measurements(self) -> int:
        """How often the curvature is measured."""
        return round(1 / self.test.every)

    def attach(self, stage: StageAccess) -> StageHook:
        """What measures."""
        return _Measuring(stage, self.measurements, self.shift)

    @override
    def after_epoch(self, search: SearchView) -> Outcome | None:
        (hook,) = (each for each in search.hooks if isinstance(each, _Measuring))
        tested = search.records.get("curvatures_tested", 0)
        records = {"curvatures_tested": len(hook.values)}
        if len(hook.values) == tested:
            return Outcome(records)
        figures = {"eigenvalue": hook.values[-1]}
        test = self.test.of(self.measurements)
        history = [[float(number), value] for number, value in enumerate(hook.values)]
        found = (test(history[:end]) for end in range(tested + 1, len(history) + 1))
        back = None if search.has_ended else next((each for each in found if each is not None), None)
        if back is None:
            return Outcome(records, figures)
        plan = search.plan.stopped(
            f"the largest Hessian eigenvalue of the validation loss in alpha grew by a factor of more than "
            f"{test.factor:g}, and the architecture is that after {percent(back / self.measurements, digits=0)} of the "
            "steps of alpha"
        )
        return Outcome(records, figures, final_alphas=hook.alphas[back], plan=plan)

    @override
    def idle_in(self, epochs: int) -> str:
        return self.test.idle_with(self.measurements)
