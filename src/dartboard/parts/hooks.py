"""What a part may hang on the loop of a stage, at fixed places."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.parts.architecture import StepGates
from dartboard.parts.gradient.problem import Bilevel, Gradient

__all__ = ["Attaching", "StageAccess", "StageHook"]


class StageAccess(Protocol):
    """What a hook may ask of the stage that it hangs on."""

    @property
    def device(self) -> torch.device:
        """Where everything runs."""
        ...

    @property
    def supernet(self) -> nn.Module:
        """Of the stage."""
        ...

    @property
    def alpha_rests(self) -> bool:
        """Whether the epoch at hand leaves alpha as it is."""
        ...

    def further_supernet(self, deeper: int) -> nn.Module:
        """A further supernet like that of the stage, with `deeper` more cells in every group between reductions."""
        ...

    def initializing(self, purpose: str) -> AbstractContextManager[None]:
        """A context in which modules draw their initial weights from the stage's own stream for a purpose."""
        ...

    def weight_optimizer(self, weights: Iterable[nn.Parameter]) -> torch.optim.SGD:
        """An optimiser with the settings of the supernet's weights."""
        ...

    def learning_rate(self, start: float) -> float:
        """The rate of the epoch at hand, on the cosine of the weights from `start` down."""
        ...

    def found(self) -> StepGates:
        """The gates and active operations of the architecture that the selection would choose now."""
        ...

    def training_batches(self, purpose: str) -> Iterator[Batch]:
        """As many training batches as this epoch has steps, in an order of their own."""
        ...

    def move_weights(
        self,
        weights: Mapping[str, nn.Parameter],
        optimizer: torch.optim.SGD,
        gradients: Mapping[str, Tensor | None],
    ) -> None:
        """A clipped step of an optimiser of `weight_optimizer`; weights without a gradient rest."""
        ...


class StageHook:
    """Does nothing; hooks override what they need."""

    def before_steps(self) -> None:
        """Called in every epoch, when its plan is made and before its first step."""

    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        """The gradient of alpha, by the names of the alphas.

        Args:
            problem: of the step of alpha.
            otherwise: the gradient as it is without this hook.
        """
        return otherwise(problem)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold, by names of the hook's own."""
        return {}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave; there are entries of others beside it."""


@runtime_checkable
class Attaching(Protocol):
    """A part of a recipe that hangs a hook on the loop."""

    def attach(self, stage: StageAccess) -> StageHook:
        """The hook for a stage, whose supernet and alphas exist already."""
        ...
