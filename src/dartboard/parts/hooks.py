"""Hooks: a part can attach one to the loop of a stage, and the loop calls it at fixed places."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dartboard.data import Batch
from dartboard.parts.architecture import StepGates
from dartboard.parts.gradient.problem import Bilevel, Gradient
from dartboard.parts.relaxation.protocol import RelaxedCell

__all__ = ["Attaching", "Remarking", "StageAccess", "StageHook"]


class StageAccess(Protocol):
    """What a hook may use of the stage that it is attached to."""

    @property
    def device(self) -> torch.device:
        """Where everything runs."""
        ...

    @property
    def supernet(self) -> nn.Module:
        """The supernet of the stage."""
        ...

    @property
    def alpha_rests(self) -> bool:
        """Whether the epoch at hand leaves alpha as it is."""
        ...

    @property
    def alpha_steps(self) -> int:
        """Steps of alpha that are planned for the stage."""
        ...

    @property
    def cells(self) -> Mapping[str, RelaxedCell]:
        """The cells by kind, with the operations of every edge."""
        ...

    @property
    def operation_weights(self) -> Mapping[tuple[int, int, str], tuple[str, ...]]:
        """The names of the weights of every candidate operation, as `weight_gradients` has them.

        The operations go by the place of their cell in the network, the row of their edge, and their name. Those
        without weights of their own have none, and neither have those whose weights a hypernetwork makes.
        """
        ...

    def expected_gates(self, alphas: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The deterministic gates of these alphas by name, through which a gradient flows where there is one."""
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
        """The rate of the epoch at hand, if it starts at `start` and falls along the cosine of the weights."""
        ...

    def found(self) -> StepGates:
        """The gates and active operations of the architecture that the selection would choose now."""
        ...

    def training_batches(self, purpose: str) -> Iterator[Batch]:
        """As many training batches as this epoch has steps, in an order drawn for this purpose."""
        ...

    def move_weights(
        self,
        weights: Mapping[str, nn.Parameter],
        optimizer: torch.optim.SGD,
        gradients: Mapping[str, Tensor | None],
    ) -> None:
        """Take a step with clipped gradients by an optimiser from `weight_optimizer`.

        Args:
            weights: by name; they are moved in place.
            optimizer: an optimiser over these weights.
            gradients: by name; weights with the gradient None stay as they are.
        """
        ...


class StageHook:
    """A hook that does nothing; hooks override the methods that they need."""

    def before_steps(self) -> None:
        """Called in every epoch, after its plan is made and before its first step."""

    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        """The gradient of alpha, by the names of the alphas.

        Args:
            problem: the bilevel problem of the alpha step.
            otherwise: computes the gradient that alpha would get without this hook.
        """
        return otherwise(problem)

    def alpha_pull(self, alphas: Mapping[str, Tensor]) -> Mapping[str, Tensor]:  # noqa: ARG002 - for hooks that pull
        """What joins the gradient of alpha, however it was computed, by the names of some alphas.

        Args:
            alphas: by name; they have not moved yet.
        """
        return {}

    def weight_gradients(self, gradients: Mapping[str, Tensor | None]) -> Mapping[str, Tensor | None]:
        """The gradients by which a step moves the weights of the supernet, by name; called in every step.

        A weight with the gradient None rests: neither the step nor momentum nor decay moves it, while its operation
        still runs and hands gradients on. Steps with such a hook are not recorded on an accelerator.

        Args:
            gradients: those of the training loss, before clipping; None for weights that were not run.
        """
        return gradients

    def figures(self) -> Mapping[str, float]:
        """Numbers by name for the event of the epoch that has just taken its steps."""
        return {}

    @property
    def acts_on_weights(self) -> bool:
        """Whether the hook looks at the gradients of the weights."""
        return type(self).weight_gradients is not StageHook.weight_gradients

    def state_dict(self) -> dict[str, Any]:
        """The state that a checkpoint must hold, by names that the hook chooses."""
        return {}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned; `saved` also holds entries that are not the hook's."""


@runtime_checkable
class Remarking(Protocol):
    """A part of a recipe that has something to say of a search that has ended."""

    def remark(self, figures: Mapping[str, Any]) -> str:
        """A sentence for the user; empty if there is nothing to say.

        Args:
            figures: the figures of the last epoch by name; empty if the search had ended before it was resumed.
        """
        ...


@runtime_checkable
class Attaching(Protocol):
    """A part of a recipe that attaches a hook to the loop."""

    def attach(self, stage: StageAccess) -> StageHook:
        """The hook for a stage; the supernet and the alphas of the stage exist already."""
        ...
