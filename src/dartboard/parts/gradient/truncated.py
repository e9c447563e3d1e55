"""The gradient through several virtual weight steps, of which the last few are differentiated."""

from dataclasses import dataclass, replace

from torch import Tensor

from dartboard.errors import RecipeError
from dartboard.parts.gradient.problem import Bilevel, Tensors, differentiate

__all__ = ["TruncatedUnrolled"]


@dataclass(frozen=True)
class TruncatedUnrolled:
    """d/d(alpha) of L_val(w_T, alpha), where w_T comes from w by T steps of gradient descent and only the last K count.

    A step is w - lr * (dL_train/dw + weight_decay * w), without momentum or clipping; the first sees the training batch
    at hand, the others further ones. The weights before the last K steps are taken as constants, which is reverse-mode
    differentiation cut off after K steps. For T = K = 1 this is `Unrolled("exact")` without momentum.

    Attributes:
        steps: T.
        backward_steps: K, from 1 to T.

    Cost: T forward and backward passes, one more for validation, and a double backward for each of the last K steps,
    whose graphs are held at once. Nothing waits for the device.
    Paper: Shaban et al., arXiv:1810.10667.

    Raises:
        RecipeError: K is not among 1, ..., T.
    """

    steps: int = 5
    backward_steps: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.backward_steps <= self.steps:
            raise RecipeError(
                f"{self.backward_steps} of {self.steps} virtual weight steps cannot be differentiated; choose "
                "backward_steps from 1 to steps."
            )

    def __call__(self, problem: Bilevel) -> dict[str, Tensor]:
        """See the class."""
        step = replace(problem.weight_step, velocity={})
        weights: Tensors = problem.weights
        for number in range(self.steps):
            counts = number >= self.steps - self.backward_steps
            loss = problem.next_train_loss() if number and problem.next_train_loss else problem.train_loss
            gradients = differentiate(loss(weights, problem.alphas), weights, create_graph=counts)
            weights = step(weights, gradients)
            if not counts:
                weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        return differentiate(problem.validation_loss(weights, problem.alphas), problem.alphas)
