"""Updates by optimisers of torch."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dartboard.parts.relaxation import RelaxedCell

__all__ = ["AdamUpdate", "SgdUpdate"]


@dataclass(frozen=True)
class AdamUpdate:
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

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:  # noqa: ARG002
        """See the class."""
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
class SgdUpdate:
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

    def optimizer(self, alphas: Mapping[str, Tensor], cells: Mapping[str, RelaxedCell]) -> torch.optim.Optimizer:  # noqa: ARG002
        """See the class."""
        return torch.optim.SGD(alphas.values(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
