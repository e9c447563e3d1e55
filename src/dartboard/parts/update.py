"""How alpha moves: optimisers of torch, and exponentiated gradients, which keep alpha a distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.relaxation import RelaxedCell

__all__ = ["AdamUpdate", "ExponentiatedGradient", "ExponentiatedUpdate", "SgdUpdate", "Update"]

_LARGEST_EXPONENT = 30.0


class Update(Protocol):
    """Makes the optimiser of the alphas; being a torch optimiser, it saves and resumes by itself."""

    @property
    def grad_clip(self) -> float | None:
        """Largest norm of the gradient of all alphas together; None: no clipping."""
        ...

    on_simplex: bool
    """Whether it keeps every row of alpha a distribution; such an alpha needs a relaxation that takes it as it is."""

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        """An optimiser over the alphas.

        Args:
            alphas: by name (see `Architecture`).
            cells: the cells by kind, for updates that must know which entries belong together.
        """
        ...


@dataclass(frozen=True)
class AdamUpdate(Update):
    """Adam with L2 added to the gradient, constant learning rate (DARTS, arXiv:1806.09055, section A.1.1).

    Attributes:
        lr: learning rate.
        betas: decay rates of the moments.
        weight_decay: L2 factor.
        grad_clip: largest norm of the gradient of all alphas together; None: no clipping.
        eps: added to the root of the second moment.
    """

    lr: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    grad_clip: float | None = None
    eps: float = 1e-8
    on_simplex = False

    @override
    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        # On an accelerator the count of steps stays there, so that a step can be recorded.
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
    """Plain gradient descent with L2, constant learning rate (ablations of Single-DARTS, arXiv:2108.08128, table 4).

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
    """Exponentiated gradient, the mirror-descent step of the simplex, constant learning rate (GAEA, arXiv:2004.07802).

    The shares of operations sum to one on every edge and have a floor; the weights of edges sum to one at every node
    and have none.

    Attributes:
        lr: learning rate; 0.1 in the authors' code.
        floor: least share of an operation before shares are made to sum to one.
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
    """theta * exp(-lr * gradient), then not below `floor`, then divided by its sum; zeros stay zeros.

    Exponents are kept within +-30, beyond which a single step would let the other shares underflow.

    Args:
        groups: parameter groups with the entries `floor` and `sizes`: how many entries of a vector belong together, in
            their order; None: every row of a matrix is a distribution.
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
                    theta.copy_(_moved(theta, -group["lr"] * theta.grad, group["floor"], group["sizes"]))


def _moved(theta: Tensor, exponents: Tensor, floor: float, sizes: list[int] | None) -> Tensor:
    growth = exponents.clamp(-_LARGEST_EXPONENT, _LARGEST_EXPONENT).exp()
    grown = (theta * growth).clamp(min=floor) * (theta > 0)
    if sizes is not None:
        return torch.cat([part / part.sum() for part in torch.split(grown, sizes)])
    # The clamp is for rows without any operation, whose sum is zero.
    return grown / grown.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(grown.dtype).tiny)
