"""The first-order gradient of alpha, which also watches how the gradients of operations agree between the halves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from dartboard.devices.sending import send
from dartboard.parts.demands import Slots
from dartboard.parts.gradient.problem import Bilevel, Gradient, differentiate_reached
from dartboard.parts.gradient.unrolled import FirstOrder
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.parts.resting import RestingOperations
from dartboard.parts.rules.protocol import SearchView
from dartboard.space import has_weights
from dartboard.wording import count

__all__ = ["FirstOrderWatched", "GradientWatcher", "Statistic", "agreements"]

Statistic = Literal["as-code", "clean"]
"""What is compared: see `FirstOrderWatched`."""

_FEW_WINDOWS = 3


@dataclass(frozen=True)
class FirstOrderWatched(FirstOrder):
    """`FirstOrder`, by a pass that also differentiates the weights; operations rest that learn what only one half has.

    For every operation of every cell with weights W_1, ..., W_T, c is the mean over its weights of the cosine of two
    gradients. The cosine runs along the first axis, the output channels, and is averaged over all other positions. Once
    `window` steps have been taken, the weights of the operations with a mean of c below `threshold` rest for good; then
    the next window begins. Alpha goes on to learn. Source: OLES (Jiang et al., NeurIPS 2023), the authors' code.

    Attributes:
        window: steps over which c is averaged.
        threshold: least mean of c.
        statistic: "as-code" compares g with g + v, where g is the clipped gradient of the training loss of the step
            before, and v is the gradient of the validation loss at hand. The authors' code does so, since its
            validation pass adds to gradients that nothing has cleared; what decides is chiefly how small g has become
            beside v. "clean" compares the gradients of both losses at the same weights.
    """

    window: int = 20
    threshold: float = 0.4
    statistic: Statistic = "as-code"

    def attach(self, stage: StageAccess) -> StageHook:
        """The hook that watches a stage."""
        return GradientWatcher(self, stage)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse recipes in which both gradients come from one batch, and weights that a hypernetwork makes."""
        if recipe.images == "same-batch":
            return "FirstOrderWatched compares the gradients on two batches, and weights and alpha learn from one"
        if recipe.hypernetwork:
            return "FirstOrderWatched lets weights of operations rest, and those of a hypernetwork are made anew"
        return ""

    def advice(self, search: SearchView) -> Sequence[str]:
        """Say when there are too few windows for operations to come to rest in turn."""
        windows = search.stage_epochs * search.steps // self.window
        if windows >= _FEW_WINDOWS:
            return ()
        return (
            f"This search has {count(windows, 'window')} of {self.window} steps, after each of which operations may be "
            f"stopped; with fewer than {_FEW_WINDOWS} it is hardly more than plain DARTS.",
        )


class GradientWatcher(StageHook):
    """Adds up c for every operation of a stage, and lets those rest whose mean falls below the threshold.

    Args:
        part: settings.
        stage: the stage that is watched.

    Attributes:
        resting: the operations that rest.
    """

    def __init__(self, part: FirstOrderWatched, stage: StageAccess) -> None:
        self._part, self._stage = part, stage
        # Factorised reductions are no operations with weights in this sense: they stand for skip connections.
        self._operations = {each: names for each, names in stage.operation_weights.items() if has_weights(each[2])}
        self._numbers = {name: number for number, names in enumerate(self._operations.values()) for name in names}
        self.resting = RestingOperations(self._operations)
        self._at_validation: dict[str, Tensor | None] = {}
        self._begin_window()

    def _begin_window(self) -> None:
        self._taken = 0
        self._sums = torch.zeros(len(self._operations), device=self._stage.device)
        self._counts = torch.zeros_like(self._sums)

    @override
    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        """The first-order gradient; the same pass gives those of the watched weights."""
        loss = problem.validation_loss(problem.weights, problem.alphas)
        watched = {name: problem.weights[name] for name in self._numbers}
        found = differentiate_reached(loss, {**watched, **problem.alphas})
        self._at_validation = {name: found[name] for name in watched}
        return {
            name: torch.zeros_like(alpha) if (slope := found[name]) is None else slope
            for name, alpha in problem.alphas.items()
        }

    @override
    @torch.no_grad()
    def weight_gradients(self, gradients: Mapping[str, Tensor | None]) -> Mapping[str, Tensor | None]:
        """Those of the operations that do not rest; every `window` steps others may begin to rest, from the next on."""
        moving = self.resting.without(gradients)
        if self._at_validation:
            self._compare(gradients)
            self._at_validation = {}
            self._taken += 1
        if self._taken == self._part.window:
            means = (self._sums / self._counts.clamp_min(1)).tolist()
            seen = self._counts.tolist()
            self.resting.rest(
                place
                for place, mean, steps in zip(self._operations, means, seen, strict=True)
                if steps and mean < self._part.threshold
            )
            self._begin_window()
        return moving

    def _compare(self, gradients: Mapping[str, Tensor | None]) -> None:
        """Add the agreement of this step."""
        pairs: list[tuple[str, Tensor, Tensor]] = []
        for name, other in self._at_validation.items():
            own = self._left_over(name) if self._part.statistic == "as-code" else gradients[name]
            if own is not None and other is not None:
                pairs.append((name, own, own + other if self._part.statistic == "as-code" else other))
        if not pairs:
            return
        found = agreements([own for _, own, _ in pairs], [other for *_, other in pairs]).to(self._sums)
        places = send(torch.tensor([self._numbers[name] for name, *_ in pairs]), found.device)
        hits = torch.zeros_like(self._sums).index_add_(0, places, torch.ones_like(found))
        totals = torch.zeros_like(self._sums).index_add_(0, places, found)
        self._sums += totals / hits.clamp_min(1)
        self._counts += (hits > 0).to(hits.dtype)

    def _left_over(self, name: str) -> Tensor | None:
        """The clipped gradient with which the last step moved a weight; None if it did not move it."""
        return self._stage.supernet.get_parameter(name).grad

    @override
    def figures(self) -> Mapping[str, float]:
        return self.resting.figures

    @override
    def state_dict(self) -> dict[str, Any]:
        left: dict[str, Tensor] = {}
        if self._part.statistic == "as-code":  # the first step of the next epoch compares with them
            left = {name: gradient for name in self._numbers if (gradient := self._left_over(name)) is not None}
        window = {"taken": self._taken, "sums": self._sums, "counts": self._counts, "gradients": left}
        return {"watched": window, "resting": self.resting.state()}

    @override
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.resting.restore(saved["resting"])
        window = saved["watched"]
        self._taken = window["taken"]
        self._sums, self._counts = (window[name].to(self._stage.device) for name in ("sums", "counts"))
        for name in self._numbers:
            gradient = window["gradients"].get(name)
            weight = self._stage.supernet.get_parameter(name)
            weight.grad = None if gradient is None else torch.empty_like(weight).copy_(gradient)


def agreements(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """For every pair of tensors of one shape, the mean of the cosines along their first axis, (pairs,).

    Args:
        ours: tensors of any shapes.
        theirs: as many tensors, each shaped like that of `ours`.
    """
    alike: dict[torch.Size, list[int]] = {}
    for number, tensor in enumerate(ours):
        alike.setdefault(tensor.shape, []).append(number)
    found: list[Tensor] = [ours[0].new_zeros(())] * len(ours)
    for numbers in alike.values():  # one call for all of a shape: a supernet has hundreds of weights, of few shapes
        own, other = (torch.stack([side[number] for number in numbers]) for side in (ours, theirs))
        cosines = functional.cosine_similarity(own, other, dim=1, eps=1e-8).reshape(len(numbers), -1).mean(dim=1)
        for number, cosine in zip(numbers, cosines.unbind(), strict=True):
            found[number] = cosine
    return torch.stack(found)
