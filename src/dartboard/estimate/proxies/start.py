"""How the weights of a network are drawn before a proxy looks at it."""

import copy
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Start", "begin", "private", "weights_of"]

Start = Literal["default", "kaiming-in", "kaiming-out", "normal"]
"""Where weights come from: torch's own start; Kaiming normal by fan-in or fan-out; the standard normal distribution."""


def begin(network: nn.Module, start: Start, generator: torch.Generator) -> None:
    """Draw the weights of all convolutions and linear layers anew; norms have scale 1 and shift 0, biases are 0.

    Args:
        network: on the CPU; "default" leaves it as it was built.
        start: the distribution.
        generator: source of the numbers, on the CPU.
    """
    if start == "default":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            if start == "normal":
                nn.init.normal_(module.weight, generator=generator)
            else:
                mode: Literal["fan_in", "fan_out"] = "fan_in" if start == "kaiming-in" else "fan_out"
                nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu", generator=generator)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.ones_(module.weight)
        bias = getattr(module, "bias", None)
        if isinstance(bias, Tensor):
            nn.init.zeros_(bias)


def weights_of(network: nn.Module) -> list[Tensor]:
    """The weights of all convolutions and linear layers, in the order of the modules."""
    return [module.weight for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def private(network: nn.Module) -> nn.Module:
    """A copy in training mode whose weights all take part, so that the network itself stays as it is.

    Its parameters, the statistics of its norms and its hooks are never touched, whatever a proxy does to the copy.
    """
    own = copy.deepcopy(network).train()
    for parameter in own.parameters():
        parameter.grad = None
        parameter.requires_grad_(True)
    return own
