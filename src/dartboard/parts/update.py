"""Updates of alpha: torch's optimisers, and exponentiated gradients, which keep alpha a distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.relaxation import RelaxedCell
from dartboard.parts.relaxation.shares import grown_shares

__all__ = [
    "AdamUpdate",
    "ExponentiatedGradient",
    "ExponentiatedUpdate",
    "SgdUpdate",
    "Update",
    "rate_for_length",
]

_HIGHEST_RATE = 0.012
"""Rate up to which short searches raise that of their method: 40 times that of DARTS."""

_AS_LONG = 0.95
"""Share of the published steps from which on a search is as long as the published one."""


def rate_for_length(published: float, published_steps: int, steps: int) -> float:
    """The learning rate that takes alpha as far in `steps` as the published one in its own number of steps.

    A step of Adam moves an entry of alpha by about the rate, whatever the gradient, so a search can move it by the rate
    times the number of steps. The published rate is never lowered, and never raised above 0.012. It stays as it is in
    a search that lacks only a few steps, as where some images are set aside or a last batch is left out.

    >>> [round(rate_for_length(rate, own, 625), 5) for rate, own in ((3e-4, 19_550), (6e-4, 3_430), (3e-3, 9_800))]
    [0.00938, 0.00329, 0.012]

    Args:
        published: learning rate of the method.
        published_steps: steps of alpha in the search that it is published for.
        steps: steps of alpha in the search at hand.
    """
    if steps >= _AS_LONG * published_steps:
        return published
    return max(published, min(_HIGHEST_RATE, published * published_steps / max(1, steps)))


class Update(Protocol):
    """Makes the optimiser of the alphas. It is a torch optimiser, so its state is saved and resumed like any other."""

    @property
    def grad_clip(self) -> float | None:
        """Largest norm of the gradient of all alphas together; None: no clipping."""
        ...

    @property
    def lr(self) -> float:
        """Learning rate."""
        ...

    @property
    def follows_length(self) -> bool:
        """Whether a search of fewer steps takes a higher rate (`rate_for_length`).

        So it should where a step moves every entry of alpha by about the learning rate, whatever its gradient.
        """
        return False

    on_simplex: bool
    """Whether the update keeps every row of alpha a distribution; then the relaxation must be on the simplex too."""

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        """An optimiser over the alphas.

        Args:
            alphas: by name (see `Architecture`).
            cells: the cells by kind, for updates that must know which entries belong together.
        """
        ...


@dataclass(frozen=True)
class AdamUpdate(Update):
    """Adam with L2 added to the gradient and a constant learning rate (DARTS, arXiv:1806.09055, section A.1.1).

    Attributes:
        lr: learning rate.
        betas: decay rates of the moments.
        weight_decay: L2 factor.
        grad_clip: largest norm of the gradient of all alphas together; None: no clipping.
        eps: added to the root of the second moment.
        of_logits: whether alpha are logits or the like, for which it counts how far they move, and not the weights of
            a controller.
    """

    lr: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    grad_clip: float | None = None
    eps: float = 1e-8
    of_logits: bool = True
    on_simplex = False

    @property
    @override
    def follows_length(self) -> bool:
        """Whether a search of fewer steps takes a higher rate: where alpha are logits."""
        return self.of_logits

    @override
    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        # On an accelerator the step count stays on the device, so that a step can be recorded as a graph.
        return torch.optim.Adam(
            alphas.values(),
            lr=self.lr,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
            capturable=all(alpha.device.type not in ("cpu", "mps", "meta") for alpha in alphas.values()),
        )


@dataclass(frozen=True)
class SgdUpdate(Update):
    """Gradient descent with L2 and a constant learning rate (ablations of Single-DARTS, arXiv:2108.08128, table 4).

    Attributes:
        lr: learning rate.
        momentum: momentum factor.
        weight_decay: L2 factor.
        grad_clip: largest norm of the gradient of all alphas together; None: no clipping.
    """

    lr: float = 5e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    grad_clip: float | None = None
    on_simplex = False

    @override
    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        return torch.optim.SGD(alphas.values(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class ExponentiatedUpdate(Update):
    """Exponentiated gradient, the mirror-descent step on the simplex, at a constant rate (GAEA, arXiv:2004.07802).

    On every edge the shares of the operations sum to one, and each has a floor. At every node the weights of the edges
    sum to one; they have no floor.

    Attributes:
        lr: learning rate; 0.1 in the authors' code.
        floor: least share of an operation; the shares are divided by their sum after the floor is applied.
        grad_clip: largest norm of the gradient of all alphas together; None: no clipping.
    """

    lr: float = 0.1
    floor: float = 1e-5
    grad_clip: float | None = None
    on_simplex = True

    @override
    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        groups = []
        for name, alpha in alphas.items():
            kind, _, part = name.partition(".")
            sizes = [len(rows) for rows in cells[kind].incoming] if part == "edges" else None
            groups.append({"params": [alpha], "sizes": sizes, "floor": 0.0 if sizes else self.floor})
        return ExponentiatedGradient(groups, lr=self.lr)


class ExponentiatedGradient(torch.optim.Optimizer):
    """Moves theta to theta * exp(-lr * gradient), raises it to `floor` at least, and divides it by its sum.

    Entries of 0 stay 0, and exponents are clamped (`grown_shares`).

    Args:
        groups: parameter groups with the entries `floor` and `sizes`. `sizes` tells how many consecutive entries of a
            vector form a distribution; None: every row of a matrix is a distribution.
        lr: learning rate.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr, "floor": 0.0, "sizes": None})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override] # noqa: ARG002 - the signature of torch
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for theta in group["params"]:
                if theta.grad is not None:
                    exponents = -group["lr"] * theta.grad
                    theta.copy_(grown_shares(theta, exponents, sizes=group["sizes"], floor=group["floor"]))
