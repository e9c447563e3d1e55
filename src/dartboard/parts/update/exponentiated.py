"""Updates that keep alpha a distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dartboard.parts.relaxation import RelaxedCell

__all__ = ["ExponentiatedGradient", "ExponentiatedUpdate"]

_LARGEST_EXPONENT = 30.0


@dataclass(frozen=True)
class ExponentiatedUpdate:
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

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:
        """See the class."""
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
