"""How the weights of a network move in one step: SGD, and orthogonalised updates for kernels of convolutions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.training.training_settings import TrainSettings

__all__ = ["WeightOptimizer"]


class WeightOptimizer:
    """SGD with a rate of its own for the shifts of batch norms, beside Muon where the settings ask for it.

    Muon (K. Jordan 2024; torch.optim.Muon) moves the kernel of a dense convolution, as a matrix with one row for each
    output channel, by the orthogonal matrix nearest to its momentum. As in the airbench recipe for CIFAR-10, every
    kernel is scaled to the Frobenius norm sqrt(output channels) before it moves.

    Args:
        network: whose learned weights are moved; those that ask for no gradient are left as they are.
        settings: rates, momentum, decay.
    """

    def __init__(self, network: nn.Module, settings: TrainSettings) -> None:
        self._settings = settings
        self._kernels = dense_kernels(network) if settings.optimizer == "muon" else []
        self._sgd = torch.optim.SGD(
            _groups(network, settings, {id(kernel) for kernel in self._kernels}),
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            fused=True,
        )
        self._rows = [nn.Parameter(_flat(kernel.detach()).clone()) for kernel in self._kernels]
        self._muon = (
            torch.optim.Muon(
                self._rows,
                lr=settings.muon_lr,
                weight_decay=0.0,
                momentum=settings.muon_momentum,
                ns_steps=_ITERATIONS,
            )
            if self._kernels
            else None
        )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._sgd.zero_grad(set_to_none=True)
        for kernel in self._kernels:
            kernel.grad = None

    def step(self, lr: float) -> None:
        """Move the weights by their gradients.

        Args:
            lr: the rate of this step; Muon's is the same share of `muon_lr` as this is of the settings' `lr`.
        """
        for group in self._sgd.param_groups:
            group["lr"] = lr * group["rate"]
        if self._settings.decoupled_decay:
            self._decay(lr)
        self._sgd.step()
        if self._muon is not None:
            self._orthogonal_step(lr / self._settings.lr)

    def state_dict(self) -> dict[str, Any]:
        """The state of both, for a checkpoint."""
        return {"sgd": self._sgd.state_dict(), "muon": self._muon.state_dict() if self._muon else None}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, or from the state of SGD alone, as older versions kept it."""
        self._sgd.load_state_dict(saved.get("sgd", saved))
        for group in self._sgd.param_groups:
            group.setdefault("rate", 1.0)
            group.setdefault("decay", group["weight_decay"])
        if self._muon is not None:
            self._muon.load_state_dict(saved["muon"])

    @torch.no_grad()
    def _decay(self, lr: float) -> None:
        for group in self._sgd.param_groups:
            if group["decay"]:
                torch._foreach_mul_(group["params"], 1 - lr * group["decay"])

    @torch.no_grad()
    def _orthogonal_step(self, share: float) -> None:
        assert self._muon is not None
        for kernel, rows in zip(self._kernels, self._rows, strict=True):
            rows.grad = None if kernel.grad is None else _flat(kernel.grad)
            rows.copy_(_flat(kernel))
            if rows.grad is not None:
                rows.mul_(len(rows) ** 0.5 / rows.norm())
        for group in self._muon.param_groups:
            group["lr"] = self._settings.muon_lr * share
        self._muon.step()  # type: ignore[no-untyped-call]
        for kernel, rows in zip(self._kernels, self._rows, strict=True):
            kernel.copy_(rows.view(len(rows), *kernel.shape[2:], -1).permute(0, 3, 1, 2))


_ITERATIONS = 3
"""Newton-Schulz iterations of a step, as in airbench."""


def dense_kernels(network: nn.Module) -> list[nn.Parameter]:
    """The kernels of dense convolutions, shape (out, in, height, width); those of depthwise ones are none."""
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d) and part.groups == 1]
    return [kernel for kernel in (layer.weight for layer in layers) if isinstance(kernel, nn.Parameter)]


def _flat(kernel: Tensor) -> Tensor:
    """A kernel (out, in, height, width) as a matrix (out, height * width * in); a view where channels are last."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)


def _groups(network: nn.Module, settings: TrainSettings, elsewhere: set[int]) -> list[dict[str, Any]]:
    """What SGD moves: all weights, with the shifts of batch norms, or all of their numbers, apart where they differ.

    The decay of a weight is the same whatever its rate, so that a faster rate does not pull it to 0.
    """
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    shifts = {id(part.bias): settings.norm_shift_rate for part in norms}
    resting = {id(weight) for part in norms for weight in part.parameters(recurse=False)}
    kinds: dict[tuple[float, float], list[nn.Parameter]] = {}
    for weight in network.parameters():
        if weight.requires_grad and id(weight) not in elsewhere:
            rate = shifts.get(id(weight), 1.0)
            decay = 0.0 if id(weight) in resting and not settings.decay_norms else settings.weight_decay
            kinds.setdefault((rate, decay), []).append(weight)
    coupled = not settings.decoupled_decay
    return [
        {"params": weights, "rate": rate, "decay": decay, "weight_decay": decay / rate if coupled else 0.0}
        for (rate, decay), weights in kinds.items()
    ]
