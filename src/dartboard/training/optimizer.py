"""How the weights of a network move in one step: SGD, and orthogonalised updates for kernels of convolutions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from dartboard.training.muon import Muon, dense_kernels
from dartboard.training.training_settings import TrainSettings

__all__ = ["WeightOptimizer"]


class WeightOptimizer:
    """SGD with a rate of its own for the shifts of batch norms, beside `Muon` where the settings ask for it.

    Args:
        network: whose learned weights are moved; those that ask for no gradient are left as they are.
        settings: rates, momentum, decay.
    """

    def __init__(self, network: nn.Module, settings: TrainSettings) -> None:
        self._settings = settings
        kernels = dense_kernels(network) if settings.optimizer == "muon" else []
        precision = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
        self._muon = Muon(kernels, settings.muon_momentum, precision) if kernels else None
        self._sgd = torch.optim.SGD(
            _groups(network, settings, {id(kernel) for kernel in kernels}),
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            fused=True,
        )
        self._kernels = kernels

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
            self._muon.step(lr / self._settings.lr * self._settings.muon_lr)

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
