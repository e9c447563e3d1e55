"""Averages over the weights of the last steps, which are better than any one step's weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dartboard.training.training_settings import Average

__all__ = ["WeightAverage"]

_EVERY = 5
_KEPT = 0.95
_POWER = 3


class WeightAverage:
    """A slow copy of a network's floating-point state, running statistics of batch norms included.

    Every fifth step the copy moves towards the network: slow <- d * slow + (1 - d) * fast, where d is 0.95 to the power
    of the steps since the last move, times the cube of the share of the training that is done. So the copy follows at
    the start and averages at the end. With "lookahead" (arXiv:1907.08610, with the decay of airbench, arXiv:2404.00498)
    the network goes on from the copy; with "ema" (hlb-CIFAR10) it goes its own way, and the copy is what is scored.

    Args:
        network: is averaged.
        kind: "lookahead" or "ema".
    """

    def __init__(self, network: nn.Module, kind: Average) -> None:
        self._network, self._kind = network, kind
        self._slow = [tensor.clone() for tensor in self._fast()]
        self._since = 0

    @torch.no_grad()
    def step(self, share: float) -> None:
        """Hear of a step of the network.

        Args:
            share: of the training that is done, 0 to 1; at 1 the copy moves in any case.
        """
        self._since += 1
        if self._since < _EVERY and share < 1:
            return
        torch._foreach_lerp_(self._slow, self._fast(), 1 - _KEPT**self._since * share**_POWER)
        self._since = 0
        if self._kind == "lookahead":
            self._put(self._slow)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within, the network has the weights of the copy, as it has them always with "lookahead"."""
        if self._kind == "lookahead":
            yield
            return
        own = [tensor.clone() for tensor in self._fast()]
        self._put(self._slow)
        try:
            yield
        finally:
            self._put(own)

    def hand_over(self) -> None:
        """Give the network the weights of the copy for good."""
        self._put(self._slow)

    def state_dict(self) -> dict[str, Any]:
        """The copy, and the steps since it moved, for a checkpoint."""
        return {"slow": self._slow, "since": self._since}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        for slow, kept in zip(self._slow, saved["slow"], strict=True):
            slow.copy_(kept)
        self._since = int(saved["since"])

    def _fast(self) -> list[Tensor]:
        return [tensor for tensor in self._network.state_dict().values() if tensor.is_floating_point()]

    @torch.no_grad()
    def _put(self, state: list[Tensor]) -> None:
        torch._foreach_copy_(self._fast(), state)
