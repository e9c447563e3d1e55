"""Orthogonalised updates for the kernels of dense convolutions."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Muon", "dense_kernels", "orthogonalized"]

_ITERATIONS = 3
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_EPS = 1e-7


class Muon:
    """Moves every kernel, a matrix with a row for each output channel, by the orthogonal matrix next to its momentum.

    Source: K. Jordan 2024 (kellerjordan.github.io/posts/muon), as in the airbench recipe for CIFAR-10: Nesterov
    momentum, and every kernel is scaled to the Frobenius norm sqrt(output channels) before it moves. In place of
    torch.optim.Muon, which always iterates in bfloat16: processors without instructions for it take many times as
    long.

    Args:
        kernels: (out, in, height, width) each.
        momentum: share of the mean of earlier gradients.
        precision: in which the matrices are made orthogonal; bfloat16 where the device multiplies it fast.
    """

    def __init__(self, kernels: Sequence[nn.Parameter], momentum: float, precision: torch.dtype) -> None:
        self._kernels, self._momentum, self._precision = list(kernels), momentum, precision
        self._means = [torch.zeros_like(_rows(kernel)) for kernel in kernels]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Move the kernels that have a gradient.

        Args:
            lr: Frobenius norm of an update, as a share of the norm of a kernel with fewer rows than columns.
        """
        for kernel, mean in zip(self._kernels, self._means, strict=True):
            if kernel.grad is None:
                continue
            gradient = _rows(kernel.grad)
            mean.lerp_(gradient, 1 - self._momentum)
            update = orthogonalized(gradient.lerp(mean, self._momentum), self._precision)
            outputs, inputs = update.shape
            kernel.mul_(outputs**0.5 / kernel.norm())
            moved = update.to(kernel.dtype).view(outputs, *kernel.shape[2:], -1).permute(0, 3, 1, 2)
            kernel.sub_(moved, alpha=lr * max(1.0, outputs / inputs) ** 0.5)

    def state_dict(self) -> dict[str, Any]:
        """The means, for a checkpoint."""
        return {"means": self._means}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, or from the state of torch.optim.Muon, which older versions kept."""
        means = saved.get("means") or [saved["state"][number]["momentum_buffer"] for number in sorted(saved["state"])]
        for mean, kept in zip(self._means, means, strict=True):
            mean.copy_(kept)


def orthogonalized(matrix: Tensor, precision: torch.dtype) -> Tensor:
    """A matrix near the orthogonal one that is nearest to `matrix`: its singular values are about 0.5 to 1.5.

    Three iterations of Newton and Schulz with the coefficients of Muon.

    Args:
        matrix: (rows, columns).
        precision: of the iterations and the result.
    """
    first, third, fifth = _COEFFICIENTS
    x = matrix.to(precision)
    is_tall = x.shape[0] > x.shape[1]
    x = x.t() if is_tall else x
    x = x / x.norm().clamp(min=_EPS)
    for _ in range(_ITERATIONS):
        square = x @ x.t()
        x = torch.addmm(x, torch.addmm(square, square, square, beta=third, alpha=fifth), x, beta=first)
    return x.t() if is_tall else x


def dense_kernels(network: nn.Module) -> list[nn.Parameter]:
    """The kernels of dense convolutions, shape (out, in, height, width); those of depthwise ones are none."""
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d) and part.groups == 1]
    return [kernel for kernel in (layer.weight for layer in layers) if isinstance(kernel, nn.Parameter)]


def _rows(kernel: Tensor) -> Tensor:
    """A kernel (out, in, height, width) as a matrix (out, height * width * in); a view where channels are last."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)
