"""All that a search must remember from one epoch to the next."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["SearchState"]


@dataclass
class SearchState:
    """The moving parts of a search.

    Random streams are not here: each epoch derives its own from the seed.

    Attributes:
        supernet: called as supernet(images, gates).
        alphas: cell kind -> (edges, operations), leaf tensors.
        weight_optimizer: moves the supernet's weights.
        alpha_optimizer: moves the alphas; None when the method does not.
        epochs: epochs planned.
        epoch: epochs done.
        alpha_rests: whether the epoch at hand leaves alpha as it is; rules set it before every epoch.
        stop_reason: why the search ended before its last epoch; empty while it goes on.
    """

    supernet: nn.Module
    alphas: dict[str, Tensor]
    weight_optimizer: torch.optim.SGD
    alpha_optimizer: torch.optim.Optimizer | None
    epochs: int
    epoch: int = 0
    alpha_rests: bool = False
    stop_reason: str = ""
    weights: dict[str, nn.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        self.weights = dict(self.supernet.named_parameters())

    def stop(self, reason: str) -> None:
        """End the search after the current hook; the reason is recorded."""
        self.stop_reason = reason

    def state_dict(self) -> dict[str, Any]:
        """Everything a checkpoint must hold."""
        return {
            "supernet": self.supernet.state_dict(),
            "alphas": {kind: alpha.detach() for kind, alpha in self.alphas.items()},
            "weight_optimizer": self.weight_optimizer.state_dict(),
            "alpha_optimizer": self.alpha_optimizer.state_dict() if self.alpha_optimizer else None,
            "epoch": self.epoch,
            "stop_reason": self.stop_reason,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.supernet.load_state_dict(saved["supernet"])
        with torch.no_grad():
            for kind, alpha in self.alphas.items():
                alpha.copy_(saved["alphas"][kind])
        self.weight_optimizer.load_state_dict(saved["weight_optimizer"])
        if self.alpha_optimizer:
            self.alpha_optimizer.load_state_dict(saved["alpha_optimizer"])
        self.epoch = saved["epoch"]
        self.stop_reason = saved["stop_reason"]
